import { sql } from 'kysely';
import { type Command, readId, refuseMoreWords } from '../../command.ts';
import { withPartnerDatabase } from '../../connections.ts';
import { renderJson } from '../../table.ts';
import { onlyRow } from './keys.ts';

export const revokeKey: Command = {
  name: 'partner-keys revoke',
  summary: 'End a key for good, at once',
  usage: '<key id> [--json]',
  help: ['A revoked key cannot be brought back. Gateways forget it within a second.'],
  options: { json: { type: 'boolean' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 1);
    const keyId = readId(words[0], 'key id');
    const { revoked_at } = await withPartnerDatabase(io.environment, async (db) => {
      const found = await sql<{ revoked_at: Date }>`
        SELECT partner.revoke_partner_api_key(${keyId}::uuid) AS revoked_at`.execute(db);
      return onlyRow(found.rows);
    });
    if (options.json) return io.print(renderJson({ key_id: keyId, revoked_at }));
    io.print(`Key ${keyId} is revoked since ${revoked_at.toISOString()}.`);
  },
};
