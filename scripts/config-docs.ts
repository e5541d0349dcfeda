import { readFile, writeFile } from 'node:fs/promises';
import { describeConfig, renderEnvExample, type SettingDescription } from '@switchboard/service-kit';
import { configSchema as ai } from '../apps/ai-service/src/config.ts';
import { configSchema as calls } from '../apps/call-service/src/config.ts';
import { configSchema as gateway } from '../apps/gateway/src/config.ts';
import { configSchema as identity } from '../apps/identity-service/src/config.ts';
import { configSchema as partner } from '../apps/partner-service/src/config.ts';
import { configSchema as tickets } from '../apps/ticket-service/src/config.ts';
import { configSchema as webhooks } from '../apps/webhook-dispatcher/src/config.ts';

/*
 * `.env.example` and the table in docs/configuration.md, from the apps' own schemas. `npm run specs` writes them; a test
 * fails when they are old.
 */
const apps = {
  gateway: describeConfig(gateway),
  'identity-service': describeConfig(identity),
  'call-service': describeConfig(calls),
  'partner-service': describeConfig(partner),
  'ticket-service': describeConfig(tickets),
  'ai-service': describeConfig(ai),
  'webhook-dispatcher': describeConfig(webhooks),
} as const;

const file = (name: string): URL => new URL(`../${name}`, import.meta.url);

/** The default, and whose is another one. */
const renderDefault = (own: readonly (readonly [app: string, setting: SettingDescription])[]): string => {
  const code = ([, { required, default: value }]: (typeof own)[number]) =>
    required ? '**required**' : value ? `\`${value}\`` : '–';
  const [first, ...rest] = own.map((each) => [each[0], code(each)] as const);
  const others = rest.filter(([, text]) => text !== first?.[1]);
  return [first?.[1], ...others.map(([app, text]) => `${app} ${text}`)].join(', ');
};

const renderTable = (): string => {
  const readers = new Map<string, (readonly [app: string, setting: SettingDescription])[]>();
  for (const [app, settings] of Object.entries(apps)) {
    for (const setting of settings) {
      const known = readers.get(setting.name);
      if (known) known.push([app, setting]);
      else readers.set(setting.name, [[app, setting]]);
    }
  }
  const everywhere = Object.keys(apps).length;
  const rows = [...readers].map(([name, own]) => {
    const where = own.length === everywhere ? 'all' : own.map(([app]) => app).join(', ');
    const meaning = own[0]?.[1].description.replaceAll('|', '\\|');
    return `| \`${name}\` | ${meaning} | ${renderDefault(own)} | ${where} |`;
  });
  return [
    '# Configuration',
    '',
    'Environment variables, read once at boot; every fault is reported at once. Written by `npm run specs` from the',
    "apps' schemas. `npm start` fills in what is required and takes the rest from its environment, then from `.env`. Which",
    'service needs what when they are started one by one: [operating.md](operating.md).',
    '',
    '| variable | meaning | default | read by |',
    '|---|---|---|---|',
    ...rows,
    '',
    'The local stack alone reads `IDENTITY_SERVICE_PORT`, `CALL_SERVICE_PORT`, `PARTNER_SERVICE_PORT`, `TICKET_SERVICE_PORT`, `AI_SERVICE_PORT`,',
    '`WEBHOOK_DISPATCHER_PORT`, `WEBHOOK_SINK_PORT`, `POSTGRES_PORT` and `NATS_PORT`, which move its ports (`PORT` moves the',
    'gateway), and `SWITCHBOARD_LOCAL_DIR`, which keeps everything elsewhere than in `.local`.',
    '',
    '`npx switchboard` reads `SWITCHBOARD_URL` (which gateway), `SWITCHBOARD_TOKEN` (an access token in place of a stored session)',
    'and `XDG_CONFIG_HOME` (where sessions are stored; default `~/.config`).',
    '',
  ].join('\n');
};

/** The files that are generated, with their text. */
export const configDocs = (): Readonly<Record<string, string>> => ({
  '.env.example': renderEnvExample(Object.values(apps)),
  'docs/configuration.md': renderTable(),
});

export const readConfigDoc = (name: string): Promise<string> => readFile(file(name), 'utf8');

if (import.meta.main) {
  for (const [name, text] of Object.entries(configDocs())) await writeFile(file(name), text);
}
