import { environmentSchema } from '@switchboard/contracts';
import { sql } from 'kysely';
import { type Command, readWholeNumber, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { withPartnerDatabase } from '../../connections.ts';
import { renderJson, renderTable } from '../../table.ts';

interface KeyRow {
  readonly key_id: string;
  readonly partner_name: string;
  readonly environment: string;
  readonly status: string;
  readonly key_prefix: string;
  readonly company_id: string | null;
  readonly rate_limit_per_minute: number;
  readonly allowed_ips: readonly string[];
  readonly permissions: unknown;
  readonly expires_at: Date | null;
  readonly old_secret_valid_until: Date | null;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
}

const minute = (at: Date | null, otherwise: string): string =>
  at ? at.toISOString().slice(0, 16).replace('T', ' ') : otherwise;

export const listKeys: Command = {
  name: 'partner-keys list',
  summary: 'Show the keys, newest first',
  usage: '[options]',
  help: [
    '--partner <name>                   only of partners whose name contains this',
    '--environment sandbox|production   only of this environment',
    '--active                           only those that work now',
    '--limit <n>                        default 100',
    '--json                             the answer as JSON',
  ],
  options: {
    partner: { type: 'string' },
    environment: { type: 'string' },
    active: { type: 'boolean' },
    limit: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ words, options, io }) {
    refuseMoreWords(words, 0);
    const wanted = textOption(options, 'environment');
    if (wanted !== undefined && !environmentSchema.safeParse(wanted).success) {
      throw new UsageError('--environment must be sandbox or production.');
    }
    const partner = textOption(options, 'partner') ?? null;
    const limit = readWholeNumber(textOption(options, 'limit') ?? '100', '--limit', 1);
    const { rows } = await withPartnerDatabase(io.environment, (db) =>
      sql<KeyRow>`
        SELECT * FROM (
          SELECT id AS key_id, partner_name, environment,
            CASE
              WHEN revoked_at IS NOT NULL THEN 'revoked'
              WHEN NOT is_active THEN 'disabled'
              WHEN expires_at <= now() THEN 'expired'
              ELSE 'active'
            END AS status,
            key_prefix, company_id, rate_limit_per_minute, allowed_ips::text[] AS allowed_ips, permissions, expires_at,
            CASE WHEN previous_secret_expires_at > now() THEN previous_secret_expires_at END AS old_secret_valid_until,
            last_used_at, created_at
          FROM partner.partner_api_keys
        ) AS keys
        WHERE (${partner}::text IS NULL OR position(lower(${partner}::text) IN lower(partner_name)) > 0)
          AND (${wanted ?? null}::text IS NULL OR environment = ${wanted ?? null}::text)
          AND (NOT ${options.active === true}::boolean OR status = 'active')
        ORDER BY created_at DESC, key_id DESC LIMIT ${limit}
      `.execute(db),
    );
    if (options.json) return io.print(renderJson(rows));
    if (rows.length === 0)
      return io.print('No keys. Make one with: switchboard partner-keys create <partner name>');
    io.print(
      renderTable(
        ['KEY ID', 'PARTNER', 'ENVIRONMENT', 'STATUS', 'KEY', 'COMPANY', 'EXPIRES', 'LAST USED'],
        rows.map((row) => [
          row.key_id,
          row.partner_name,
          row.environment,
          row.status,
          `${row.key_prefix}…`,
          row.company_id ?? 'all',
          minute(row.expires_at, 'never'),
          minute(row.last_used_at, 'never'),
        ]),
      ),
    );
  },
};
