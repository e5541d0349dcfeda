import { isIP } from 'node:net';
import { environmentSchema, partnerPermissions } from '@switchboard/contracts';
import { sql } from 'kysely';
import {
  type Command,
  type Options,
  readId,
  readWholeNumber,
  refuseMoreWords,
  textOption,
  UsageError,
} from '../../command.ts';
import { withPartnerDatabase } from '../../connections.ts';
import { renderFields, renderJson } from '../../table.ts';
import { NO_WEBHOOK_SECRET, onlyRow, tellWebhookSecret } from './keys.ts';

interface CreatedKey {
  readonly api_key: string;
  readonly api_secret: string;
  readonly key_id: string;
  readonly webhook_secret: string | null;
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

const readDays = (options: Options): number | null => {
  const text = textOption(options, 'expires-in-days') ?? '365';
  return text === 'never' ? null : readWholeNumber(text, '--expires-in-days', 1);
};

const isNetwork = (word: string): boolean => {
  const [address = '', prefix] = word.split('/', 2);
  const family = isIP(address);
  return (
    family !== 0 &&
    (prefix === undefined || (/^\d+$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)))
  );
};

const readAllowedIps = (options: Options): string[] => {
  const words = listOf(textOption(options, 'allowed-ips') ?? '');
  const wrong = words.find((word) => !isNetwork(word));
  if (wrong !== undefined) {
    throw new UsageError(`--allowed-ips: "${wrong}" is neither an address nor a network like 10.0.0.0/8.`);
  }
  return words;
};

const readPermissions = (options: Options): { all: true } | string[] => {
  const text = textOption(options, 'permissions') ?? 'all';
  if (text === 'all') return { all: true };
  const words = listOf(text);
  const known: readonly string[] = partnerPermissions;
  const wrong = words.find((word) => !known.includes(word));
  if (wrong !== undefined || words.length === 0) {
    throw new UsageError(`--permissions takes all, or some of ${partnerPermissions.join(', ')}.`);
  }
  return words;
};

const readInput = (words: readonly string[], options: Options) => {
  refuseMoreWords(words, 1);
  const [partner] = words;
  if (!partner?.trim()) throw new UsageError('Say whose key it is: the name of the partner is missing.');
  const environment = environmentSchema.safeParse(textOption(options, 'environment') ?? 'sandbox');
  if (!environment.success) throw new UsageError('--environment must be sandbox or production.');
  const company = textOption(options, 'company');
  return {
    partner,
    environment: environment.data,
    companyId: company === undefined ? null : readId(company, 'company id'),
    expiresInDays: readDays(options),
    allowedIps: readAllowedIps(options),
    permissions: readPermissions(options),
    rateLimitPerMinute: readWholeNumber(textOption(options, 'rate-limit') ?? '1000', '--rate-limit', 1),
  };
};

export const createKey: Command = {
  name: 'partner-keys create',
  summary: 'Make a key pair for a partner',
  usage: '<partner name> [options]',
  help: [
    '--environment sandbox|production   default sandbox',
    '--company <id>                     bind the key to one company',
    '--expires-in-days <n>|never        default 365',
    '--allowed-ips <a,b/8>              addresses and networks it may be used from; default any',
    '--rate-limit <n>                   requests a minute; default 1000',
    `--permissions all|<a,b>            of ${partnerPermissions.join(', ')}`,
    '--json                             the answer as JSON',
  ],
  options: {
    environment: { type: 'string' },
    company: { type: 'string' },
    'expires-in-days': { type: 'string' },
    'allowed-ips': { type: 'string' },
    'rate-limit': { type: 'string' },
    permissions: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ words, options, io }) {
    const input = readInput(words, options);
    const { made, expiresAt } = await withPartnerDatabase(io.environment, async (db) => {
      await tellWebhookSecret(db, io.environment);
      const created = await sql<CreatedKey>`
        SELECT * FROM partner.generate_partner_api_key(
          ${input.partner}, ${input.environment}, ${input.companyId}::uuid, ${input.expiresInDays}::integer)
      `.execute(db);
      const key = onlyRow(created.rows);
      const changed = await sql`
        UPDATE partner.partner_api_keys
        SET allowed_ips = ${input.allowedIps}::inet[], rate_limit_per_minute = ${input.rateLimitPerMinute},
          permissions = ${JSON.stringify(input.permissions)}
        WHERE id = ${key.key_id}
      `.execute(db);
      if (changed.numAffectedRows !== 1n) throw new Error(`the new key ${key.key_id} cannot be changed`);
      const stored = await sql<{ expires_at: Date | null }>`
        SELECT expires_at FROM partner.partner_api_keys WHERE id = ${key.key_id}`.execute(db);
      return { made: key, expiresAt: onlyRow(stored.rows).expires_at?.toISOString() ?? null };
    });
    if (made.webhook_secret === null) io.printError(NO_WEBHOOK_SECRET);
    if (options.json) {
      const { partner, environment, companyId } = input;
      io.print(
        renderJson({
          ...made,
          partner_name: partner,
          environment,
          company_id: companyId,
          expires_at: expiresAt,
        }),
      );
      return;
    }
    io.print(
      [
        'Key made. Its secrets are shown this once: keep them now.',
        '',
        renderFields([
          ['partner', input.partner],
          ['environment', input.environment],
          ['company', input.companyId ?? 'all'],
          ['key id', made.key_id],
          ['API key', made.api_key],
          ['API secret', made.api_secret],
          ['webhook secret', made.webhook_secret ?? 'unknown'],
          ['expires', expiresAt ?? 'never'],
        ]),
      ].join('\n'),
    );
  },
};
