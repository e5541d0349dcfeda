import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/operating.md');
const code = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
const sources = globSync(['apps/*/src/**/*.ts', 'packages/*/src/**/*.ts'], { cwd: root })
  .map(read)
  .join('\n');

test('every variable it names is one that a service reads', () => {
  const variables = new Set(
    page
      .match(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/g)
      ?.filter(
        (name) =>
          ![
            'KEY_ID',
            'TOKEN_ID',
            'ENDPOINT_ID',
            'DELIVERY_ID',
            'ACCOUNT_ID',
            'TICKET_ID',
            'CALL_ID',
          ].includes(name),
      ),
  );
  expect(variables.size).toBeGreaterThan(10);
  const known = read('docs/configuration.md');
  expect([...variables].filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
});

test('what one service requires and another does not is required in the list of settings', () => {
  const row = read('docs/configuration.md').match(/^\| `PUBLIC_URL` .*$/m)?.[0];
  expect(row).toContain('call-service **required**');
});

test('every figure it says to alert on is one that a service gives', () => {
  const figures = page
    .slice(page.indexOf('## What to alert on'), page.indexOf('## Dead messages'))
    .match(/\b[a-z]+(_[a-z0-9]+){2,}\b/g)
    ?.map((name) => name.replace(/_count$/, ''))
    // prom-client's own, of every Node process.
    .filter((name) => !name.startsWith('nodejs_'));
  expect(figures?.length).toBeGreaterThan(6);
  expect(figures?.filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
});

test('every table, function and role it names is made by the migrations', () => {
  const names = page
    .match(/\b(identity|calls|partner|tickets|ai|webhooks)\.[a-z_]{2,}\b/g)
    ?.map((name) => name.split('.')[1] ?? '');
  const roles = page.match(/\bswitchboard_(?!owner)[a-z]+\b/g);
  const functions = code.flatMap((text) => /^([a-z_]+)\(/.exec(text)?.[1] ?? []);
  const wanted = new Set([...(names ?? []), ...(roles ?? []), ...functions]);
  expect(wanted.size).toBeGreaterThan(10);
  expect([...wanted].filter((name) => !sources.includes(name))).toEqual([]);
});

test.each([
  ...['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'SECURITY.md', 'docs/operating.md'],
  ...['docs/calls.md', 'docs/realtime.md', 'examples/calls/README.md', 'packages/call-client/README.md'],
  ...['docs/tickets.md', 'examples/tickets/README.md'],
  ...['docs/sending-webhooks.md', 'docs/receiving-webhooks.md', 'examples/webhooks/README.md'],
])('what %s links to is there', (name) => {
  const links = [...read(name).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link);
  const base = new URL(name, root);
  expect(links.filter((link) => !existsSync(new URL(link, base)))).toEqual([]);
});
