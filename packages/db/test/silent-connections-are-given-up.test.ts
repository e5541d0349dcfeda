import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { silentLog } from '@switchboard/bus';
import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { createDatabase } from '../src/index.ts';
import { createBench } from './helpers.ts';

const bench = createBench();
afterEach(bench.close);

/** A way to Postgres that can swallow what is sent on the connections it has, as a firewall or a lost host does. */
const openWay = async (url: string) => {
  const { hostname, port } = new URL(url);
  const passing = new Set<[Socket, Socket]>();
  const server = createServer((inner) => {
    const outer = connect(Number(port), hostname);
    for (const socket of [inner, outer]) socket.on('error', () => undefined);
    inner.pipe(outer).pipe(inner);
    passing.add([inner, outer]);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address === 'string' || address === null) throw new Error('no port');
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String(address.port);
  bench.later(async () => {
    server.close();
    for (const pair of passing) for (const socket of pair) socket.destroy();
  });
  return {
    url: way.href,
    swallow() {
      for (const [inner, outer] of passing) {
        inner.unpipe(outer);
        outer.unpipe(inner);
        inner.resume();
      }
    },
  };
};

test('a connection that falls silent fails one query, and the pool works on with another', async () => {
  const way = await openWay((await bench.openDatabase()).urlFor('partner'));
  const database = createDatabase({
    url: way.url,
    schema: 'partner',
    applicationName: 'test',
    log: silentLog,
    poolMax: 1,
    connectTimeoutMs: 30_000,
    statementTimeoutMs: 1_000,
  });
  bench.later(() => database.close());
  await database.check();
  way.swallow();
  await expect(database.check()).rejects.toThrow(/read timeout/);
  await database.check();

  const inTransaction = database.db.transaction().execute(async (trx) => {
    way.swallow();
    await sql`select 1`.execute(trx);
  });
  await expect(inTransaction).rejects.toThrow();
  await database.check();
});
