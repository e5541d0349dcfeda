import { readFile } from 'node:fs/promises';
import { createTestDatabase, startPostgres, type TestDatabase } from '@switchboard/stack/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { describeTables, migrate, provisionRoles, readMigrationStatus, schemaNames } from '../src/index.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

/** For what changes roles: those are the whole server's, and other test files need them as they are. */
const ownServer = async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.stop());
  const admin = new URL(postgres.ownerUrl);
  const { username, password } = new URL(postgres.url);
  admin.username = username;
  admin.password = password;
  return { ownerUrl: postgres.ownerUrl, adminUrl: admin.href };
};

const query = async (url: string, text: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

describe('migrations', () => {
  test('of several processes at once are applied once', async () => {
    await query(database.ownerUrl, `drop schema ${schemaNames.join(', ')}, switchboard cascade`);
    const runs = await Promise.all(Array.from({ length: 5 }, () => migrate({ url: database.ownerUrl })));
    expect(runs.filter((applied) => applied.length > 0)).toHaveLength(1);
    const status = await readMigrationStatus(database.ownerUrl);
    expect(status.pending).toEqual([]);
    expect([...status.applied].sort()).toEqual(runs.flat().sort());
  });

  test('leave nothing of a step that fails', async () => {
    await query(database.ownerUrl, 'drop schema ai cascade');
    await query(database.ownerUrl, `delete from switchboard.migrations where schema = 'ai'`);
    // Somebody made what a later step would make.
    await query(database.ownerUrl, 'create schema ai create table analyses ()');
    await expect(migrate({ url: database.ownerUrl })).rejects.toThrow(
      /The migration ai\/002-[a-z-]+ failed: .*already exists/,
    );
    const status = await readMigrationStatus(database.ownerUrl);
    expect(status.applied).toContain('ai/001-foundation');
    expect(status.pending).toContain('ai/002-analyses');
    await query(database.ownerUrl, 'drop table ai.analyses');
    expect(await migrate({ url: database.ownerUrl })).toContain('ai/002-analyses');
  });

  test('refuse a database that a newer version made, and say so', async () => {
    await query(
      database.ownerUrl,
      `insert into switchboard.migrations (schema, name, checksum) values ('partner', '900-from-the-future', 'x')`,
    );
    await expect(migrate({ url: database.ownerUrl })).rejects.toThrow(
      /newer than this version.*partner\/900-from-the-future/,
    );
  });

  test('refuse a step that was changed after it was applied', async () => {
    await query(
      database.ownerUrl,
      `update switchboard.migrations set checksum = 'other' where name = '001-foundation'`,
    );
    await expect(migrate({ url: database.ownerUrl })).rejects.toThrow(
      /001-foundation was changed after it was applied/,
    );
  });

  test('say what an administrator has to run when roles are missing and may not be made', async () => {
    const { ownerUrl, adminUrl } = await ownServer();
    await query(adminUrl, `create role plain login createdb password 'x'`);
    const plain = new URL(ownerUrl);
    plain.username = 'plain';
    plain.password = 'x';
    await query(adminUrl, 'grant create on database switchboard to plain');
    await query(adminUrl, 'drop schema partner, ai, webhooks, switchboard cascade');
    await query(adminUrl, 'alter role switchboard_operator rename to operator_away');
    await expect(migrate({ url: plain.href })).rejects.toThrow(/create role switchboard_operator nologin;/);
  });

  test('and the committed table types say the same', async () => {
    for (const { schema, source } of await describeTables(database.ownerUrl)) {
      const file = new URL(`../src/schemas/${schema}/types.generated.ts`, import.meta.url);
      expect(await readFile(file, 'utf8'), `run "npm run db:types" (schema ${schema})`).toBe(source);
    }
  });
});

describe('a service', () => {
  test('can use its own tables and nothing else', async () => {
    for (const schema of schemaNames) {
      const url = database.urlFor(schema);
      expect(await query(url, `select count(*) from ${schema}.outbox`)).toHaveLength(1);
      for (const other of schemaNames.filter((each) => each !== schema)) {
        await expect(query(url, `select * from ${other}.outbox`)).rejects.toThrow(
          /permission denied for schema/,
        );
        await expect(query(url, `select ${other}.emit_event('a.b.c', '{}')`)).rejects.toThrow(
          /permission denied for schema/,
        );
      }
      await expect(query(url, `create table ${schema}.mine ()`)).rejects.toThrow(/permission denied/);
      await expect(query(url, 'select * from switchboard.migrations')).rejects.toThrow(/permission denied/);
    }
  });

  test('gets its password from whoever deploys', async () => {
    const { ownerUrl, adminUrl } = await ownServer();
    const password = "it's a secret";
    await provisionRoles({ url: adminUrl, passwords: { operator: password } });
    const url = new URL(ownerUrl);
    url.username = 'switchboard_operator';
    url.password = encodeURIComponent(password);
    expect(await query(url.href, 'show search_path')).toEqual([{ search_path: 'partner, public' }]);
    await expect(query(url.href, 'select * from ai.outbox')).rejects.toThrow(/permission denied/);
  });
});
