import { silentLog } from '@switchboard/bus';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { createDatabase, isTransientDatabaseError } from '../src/index.ts';
import { createBench } from './helpers.ts';

const bench = createBench();
afterEach(bench.close);

// What says nothing about the work must not use up the tries of a message: it would be dead before anybody looks.
test.each([
  ['a password that is being changed', (url: URL) => (url.password = 'another')],
  ['a database that is being restored', (url: URL) => (url.pathname = '/not-there-yet')],
  ['a server that is away', (url: URL) => (url.port = '1')],
])('%s is waited for', async (_what, spoil) => {
  const url = new URL((await bench.openDatabase()).urlFor('partner'));
  spoil(url);
  const database = createDatabase({
    url: url.href,
    schema: 'partner',
    applicationName: 'test',
    log: silentLog,
  });
  bench.later(() => database.close());
  const error = await database.check().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect(isTransientDatabaseError(error)).toBe(true);
});

test('a database that takes nobody while it is moved is waited for', async () => {
  const { ownerUrl, urlFor } = await bench.openDatabase();
  const beside = new URL(ownerUrl);
  beside.pathname = '/postgres';
  const owner = new pg.Client({ connectionString: beside.href });
  await owner.connect();
  await owner.query(`ALTER DATABASE "${new URL(ownerUrl).pathname.slice(1)}" ALLOW_CONNECTIONS false`);
  await owner.end();
  const database = createDatabase({
    url: urlFor('partner'),
    schema: 'partner',
    applicationName: 'test',
    log: silentLog,
  });
  bench.later(() => database.close());
  const error = await database.check().catch((caught: unknown) => caught);
  expect(isTransientDatabaseError(error)).toBe(true);
});
