import { connect } from 'node:net';
import {
  createTestDatabase,
  resetNats,
  startNats,
  startPostgres,
  startRedis,
  testNatsUrl,
} from '@switchboard/stack/testing';
import { expect, test } from 'vitest';
import { checkJetStream, NatsWire } from '../src/nats/wire.ts';
import { withClient } from '../src/postgres/roles.ts';

test('a test database is a copy of its own: what one file writes another never sees', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await withClient(one.ownerUrl, (client) => client.query('create table public.note (text text)'));
  const seen = await withClient(other.ownerUrl, (client) =>
    client.query("select to_regclass('public.note') as found"),
  );
  expect(seen.rows[0]).toEqual({ found: null });
  const role = await withClient(one.urlFor('ai'), (client) => client.query('select current_user as name'));
  expect(role.rows[0]).toEqual({ name: 'switchboard_ai' });
  await Promise.all([one.drop(), other.drop()]);
});

test('the NATS account of a worker has a JetStream that a file can empty', async () => {
  await resetNats();
  const wire = await NatsWire.connect(testNatsUrl());
  await wire.request('$JS.API.STREAM.CREATE.THINGS', {
    name: 'THINGS',
    subjects: ['things.>'],
    storage: 'file',
  });
  expect(await wire.request('$JS.API.STREAM.NAMES')).toMatchObject({ streams: ['THINGS'] });
  await resetNats();
  expect(await wire.request('$JS.API.STREAM.NAMES')).toMatchObject({ total: 0 });
  wire.close();
});

test('what Postgres committed survives its SIGKILL and restart on the same port', async () => {
  const postgres = await startPostgres();
  await withClient(postgres.ownerUrl, (client) =>
    client.query('create table public.kept as select 1 as value'),
  );
  await postgres.kill();
  await postgres.restart();
  const kept = await withClient(postgres.ownerUrl, (client) => client.query('select value from public.kept'));
  expect(kept.rows).toEqual([{ value: 1 }]);
  await postgres.stop();
});

test('what JetStream acknowledged survives the SIGKILL of nats-server', async () => {
  const nats = await startNats();
  const before = await NatsWire.connect(nats.url);
  await before.request('$JS.API.STREAM.CREATE.KEPT', { name: 'KEPT', subjects: ['kept'], storage: 'file' });
  expect(await before.request('kept', { a: 1 })).toMatchObject({ stream: 'KEPT', seq: 1 });
  before.close();
  await nats.kill();
  await nats.restart();
  await checkJetStream(nats.url, 30_000);
  const after = await NatsWire.connect(nats.url);
  expect(await after.request('$JS.API.STREAM.INFO.KEPT')).toMatchObject({ state: { messages: 1 } });
  after.close();
  await nats.stop();
});

test('a real redis-server answers', async () => {
  const redis = await startRedis();
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(redis.port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(String(chunk));
    });
    socket.once('error', reject);
  });
  expect(answer).toBe('+PONG\r\n');
  await redis.stop();
});
