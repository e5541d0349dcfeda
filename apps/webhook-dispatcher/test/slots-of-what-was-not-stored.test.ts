import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Lane } from '../src/domain/deliveries/types.ts';
import { reserveFor } from '../src/domain/engine/reservations.ts';
import { makeRequest, startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let database: TestDatabase;
let dispatcher: TestDispatcher;
let receiver: Receiver;

beforeEach(async () => {
  await resetNats();
  database = await createTestDatabase();
  receiver = await startReceiver();
  dispatcher = await startTestDispatcher({
    databaseUrl: database.urlFor('webhooks'),
    natsUrl: testNatsUrl(),
    // Nothing is looked for: what arrives was begun by whoever stored it.
    pollMs: 600_000,
    settings: { concurrencyPerHost: 2 },
  });
  await dispatcher.engine.idle();
});
afterEach(async () => {
  await dispatcher.close();
  await receiver.close();
  await database.drop();
});

test('transactions that fail cost no slot: what comes after them is sent', async () => {
  // Postgres stores no NUL: these are handled in a transaction that fails, together and then each by itself.
  const refused = Array.from({ length: 5 }, () => makeRequest(receiver.url, { body: 'a\u0000b' }));
  await Promise.all([makeRequest(receiver.url), ...refused].map((request) => dispatcher.request(request)));
  await waitFor(() => receiver.received.length === 1, { what: 'the good one of them' });
  for (let count = 2; count <= 6; count += 1) {
    await dispatcher.request(makeRequest(receiver.url));
    await waitFor(() => receiver.received.length === count, { what: `number ${count}` });
  }
  await dispatcher.engine.idle();
  expect((await dispatcher.attempts()).map((one) => one.outcome)).toEqual(Array(6).fill('succeeded'));
});

test('what is begun at once is leased before its attempt, so that nobody else takes it', async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const slow = await startReceiver((response) => {
    arrived.resolve();
    void release.promise.then(() => response.end('OK'));
  });
  await dispatcher.request(makeRequest(slow.url));
  await arrived.promise;
  const { rows } = await sql<{ leased: boolean }>`
    SELECT lease_owner IS NOT NULL AND leased_at IS NOT NULL AND due_at > created_at AS leased
    FROM webhook_deliveries`.execute(dispatcher.ctx.db);
  expect(rows).toEqual([{ leased: true }]);
  release.resolve();
  await waitFor(async () => (await dispatcher.attempts()).length === 1, { what: 'the attempt on record' });
  await slow.close();
});

test('a transaction that begins anew gives back what it took before, once', () => {
  const lane: Lane = {
    lane: 'a',
    owner: 'partner_key:a',
    concurrency: null,
    ratePerSecond: null,
    openUntil: null,
  };
  let taken = 0;
  const reservations = reserveFor({
    reserve: () => {
      taken += 1;
      return { owner: 'me', now: new Date(), until: new Date() };
    },
    giveBack: () => {
      taken -= 1;
    },
  });
  reservations.begin()(lane);
  const reserve = reservations.begin();
  expect(taken).toBe(0);
  reserve(lane);
  reserve(lane);
  reservations.keep();
  reservations.giveBack();
  expect(taken).toBe(2);
});
