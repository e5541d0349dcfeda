import { sql } from 'kysely';
import { type Command, readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { withPartnerDatabase } from '../../connections.ts';
import { renderFields, renderJson } from '../../table.ts';
import { NO_WEBHOOK_SECRET, onlyRow, tellWebhookSecret } from './keys.ts';

interface RotatedKey {
  readonly api_secret: string;
  readonly webhook_secret: string | null;
  readonly old_secret_valid_until: Date;
}

const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** `30m`, `24h`, `7d` or `0`, in seconds. */
const readOverlap = (text: string): number => {
  if (text === '0') return 0;
  const [, amount = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = SECONDS.get(unit);
  if (seconds === undefined) throw new UsageError('--overlap must be like 30m, 24h, 7d, or 0 for none.');
  return Number(amount) * seconds;
};

export const rotateKey: Command = {
  name: 'partner-keys rotate',
  summary: 'Give a key a new secret; the old one still works for a while',
  usage: '<key id> [options]',
  help: [
    '--overlap 30m|24h|7d|0   how long the old secret still works; default 24h, 0 ends it now',
    '--webhook                give it a new webhook secret too, at once',
    '--json                   the answer as JSON',
  ],
  options: { overlap: { type: 'string' }, webhook: { type: 'boolean' }, json: { type: 'boolean' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 1);
    const keyId = readId(words[0], 'key id');
    const overlapSeconds = readOverlap(textOption(options, 'overlap') ?? '24h');
    const rotated = await withPartnerDatabase(io.environment, async (db) => {
      await tellWebhookSecret(db, io.environment);
      const found = await sql<RotatedKey>`
        SELECT * FROM partner.rotate_partner_api_key(
          ${keyId}::uuid, make_interval(secs => ${overlapSeconds}), ${options.webhook === true})
      `.execute(db);
      return onlyRow(found.rows);
    });
    if (rotated.webhook_secret === null) io.printError(NO_WEBHOOK_SECRET);
    if (options.json) return io.print(renderJson({ key_id: keyId, ...rotated }));
    io.print(
      [
        'New secret made. It is shown this once: keep it now.',
        '',
        renderFields([
          ['key id', keyId],
          ['API secret', rotated.api_secret],
          [
            'webhook secret',
            `${rotated.webhook_secret ?? 'unknown'}${options.webhook ? '' : ' (unchanged)'}`,
          ],
          [
            'old secret',
            overlapSeconds === 0 ? 'ended' : `works until ${rotated.old_secret_valid_until.toISOString()}`,
          ],
        ]),
      ].join('\n'),
    );
  },
};
