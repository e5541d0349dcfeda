import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OwnPostgres, startPostgres } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { provideServiceUrls } from '../src/local/database.ts';
import { type LocalSecrets, provideSecrets } from '../src/local/secrets.ts';
import { withClient } from '../src/postgres/roles.ts';

/*
 * What a start of the version before left behind: secrets that know no `calls`, and in a database of the operator's own
 * roles that all log in but the new one.
 */
let dir: string;
let postgres: OwnPostgres;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-older-'));
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

const passwordOf = (url: string) => decodeURIComponent(new URL(url).password);
/** As an operator's DATABASE_URL; whatever is said goes to `said`. */
const urlsOf = async (secrets: LocalSecrets) => {
  const said: string[] = [];
  const out = {
    line: () => {},
    quietLine: () => {},
    close: () => {},
    say: (text: string) => void said.push(text),
  };
  const database = { ownerUrl: postgres.ownerUrl, isOwn: false, where: 'there', stop: async () => undefined };
  return { urls: await provideServiceUrls(database, secrets, out), said };
};
const alterRole = (words: string) =>
  withClient(postgres.url, (client) => client.query(`alter role switchboard_calls ${words}`));
const userOf = (url: string) =>
  withClient(url, async (client) => (await client.query('select current_user as name')).rows[0]);

test('secrets that it lacks are made, and those it has are kept', async () => {
  const path = join(dir, 'secrets.json');
  const before = await provideSecrets(path);
  const { calls: _unknown, ...rolePasswords } = before.rolePasswords;
  await writeFile(path, JSON.stringify({ ...before, rolePasswords }));
  const after = await provideSecrets(path);
  expect(after.rolePasswords).toEqual({ ...rolePasswords, calls: expect.stringMatching(/.{20}/) });
  expect({ ...after, rolePasswords: null }).toEqual({ ...before, rolePasswords: null });
  expect(await provideSecrets(path)).toEqual(after);
});

test('in a database of the operator a new role gets its password, and the others keep theirs', async () => {
  const secrets = await provideSecrets(join(dir, 'secrets.json'));
  for (const schema of ['identity', 'partner', 'tickets', 'ai', 'webhooks'] as const) {
    secrets.rolePasswords[schema] = passwordOf(postgres.urlFor(schema));
  }
  await alterRole('nologin password null');
  const { urls, said } = await urlsOf(secrets);
  expect(said).toEqual([]);
  expect(await userOf(urls.calls)).toEqual({ name: 'switchboard_calls' });
  expect(urls.partner).toBe(postgres.urlFor('partner'));
});

test('where somebody else gave the passwords no role is touched, and services connect as the owner', async () => {
  const secrets = await provideSecrets(join(dir, 'other-secrets.json'));
  await alterRole('nologin password null');
  const { urls, said } = await urlsOf(secrets);
  expect(said.join()).toContain('connect as the owner');
  expect(new Set(Object.values(urls))).toEqual(new Set([postgres.ownerUrl]));
  const role = await withClient(postgres.url, (client) =>
    client.query("select rolcanlogin from pg_roles where rolname = 'switchboard_calls'"),
  );
  expect(role.rows).toEqual([{ rolcanlogin: false }]);
});
