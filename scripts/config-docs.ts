import { readFile, writeFile } from 'node:fs/promises';
import { describeConfig, renderEnvExample, type SettingDescription } from '@switchboard/service-kit';
import { configSchema as ai } from '../apps/ai-service/src/config.ts';
import { configSchema as gateway } from '../apps/gateway/src/config.ts';
import { configSchema as partner } from '../apps/partner-service/src/config.ts';
import { configSchema as webhooks } from '../apps/webhook-dispatcher/src/config.ts';

/*
 * `.env.example` and the table in docs/configuration.md, from the apps' own schemas. `npm run specs` writes them; a test
 * fails when they are old.
 */
const apps = {
  gateway: describeConfig(gateway),
  'partner-service': describeConfig(partner),
  'ai-service': describeConfig(ai),
  'webhook-dispatcher': describeConfig(webhooks),
} as const;

const file = (name: string): URL => new URL(`../${name}`, import.meta.url);

const renderTable = (): string => {
  const readers = new Map<string, { setting: SettingDescription; apps: string[] }>();
  for (const [app, settings] of Object.entries(apps)) {
    for (const setting of settings) {
      const known = readers.get(setting.name);
      if (known) known.apps.push(app);
      else readers.set(setting.name, { setting, apps: [app] });
    }
  }
  const everywhere = Object.keys(apps).length;
  const rows = [...readers.values()].map(({ setting, apps: names }) => {
    const value = setting.required ? '**required**' : setting.default ? `\`${setting.default}\`` : '–';
    const where = names.length === everywhere ? 'all' : names.join(', ');
    return `| \`${setting.name}\` | ${setting.description.replaceAll('|', '\\|')} | ${value} | ${where} |`;
  });
  return [
    '# Configuration',
    '',
    'Environment variables, read once at boot; every fault is reported at once. Written by `npm run specs` from the',
    "apps' schemas. `npm start` fills in what is required and takes the rest from its environment, then from `.env`.",
    '',
    '| variable | meaning | default | read by |',
    '|---|---|---|---|',
    ...rows,
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
