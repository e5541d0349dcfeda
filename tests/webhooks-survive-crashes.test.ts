import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connectBus, silentLog } from '@switchboard/bus';
import {
  createUuidV7Ids,
  deriveWebhookSecret,
  INTERNAL_TOKEN_HEADER,
  systemClock,
  type UserPrincipal,
  webhookBody,
  webhookEvents,
} from '@switchboard/contracts';
import { createInternalTokenMinter } from '@switchboard/service-kit';
import {
  startNats,
  startPostgres,
  startService,
  type TestService,
  waitFor,
} from '@switchboard/stack/testing';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { crashSeed, killsOfEach } from './support/crash-settings.ts';
import { createRandom } from './support/random.ts';

/*
 * Two dispatchers on one database send what services publish while one of them, both, NATS and Postgres are killed.
 * Afterwards: every accepted message came to everybody it is for (or is exhausted, with its attempts on record, where
 * nobody ever answers); what came twice came with the same webhook-id and the same bytes; numbers have no gap.
 */
const SEED = crashSeed(20260401);
const VICTIMS = ['one dispatcher', 'both dispatchers', 'nats', 'postgres'] as const;
const KILLS_OF_EACH = killsOfEach(2);

const OWNERS = 40;
/** More than is sent before the first kill, so that the others come upon thousands as well. */
const MESSAGES_FIRST = 1_200;
const MESSAGES_PER_KILL = 50;
/** Of a well-behaved answer: what is under way at a kill is in the hands of receivers. */
const ANSWER_MS = 150;
/** Of these some are for a receiver that never answers well. */
const CALLBACKS_PER_KILL = 20;
/** Attempts of what never succeeds: fewer in a row than open a circuit for half a minute. */
const REFUSING_SCHEDULE = [0, 0.3, 0.3];
const REFUSED_PER_OWNER = 2;
/** Longer than the receivers may stand still, each attempt of which is over after two seconds. */
const CALLBACK_SCHEDULE = [0, 0.5, 1, 3, 6, 9];

const WEBHOOK_SECRET = 'a-webhook-secret-that-only-tests-know-0123456789';
const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-that-only-tests-know-01';
const KEY_ID = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const ids = createUuidV7Ids();

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** How a receiver takes the first attempt of one message in three; the next one it takes well. `refuse`: none, ever. */
const manners = ['well', 'fail', 'busy', 'reset', 'hang', 'refuse'] as const;
type Manner = (typeof manners)[number];

interface Arrival {
  readonly target: string;
  readonly id: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Answered 200; the connection cut instead of an answer. */
  became: 'taken' | 'cut' | 'other';
}

const stumblesAt = (target: string, id: string): boolean =>
  createHash('sha256').update(`${target} ${id}`).digest().readUInt8(0) % 3 === 0;

/** One server for all; who is asked, and how it answers, is the path: `/<manner>/<name>`. */
const startReceivers = async () => {
  const arrivals: Arrival[] = [];
  const seen = new Set<string>();
  const answer = (response: ServerResponse, manner: Manner, arrival: Arrival) => {
    const key = `${arrival.target} ${arrival.id}`;
    const isFirst = !seen.has(key);
    seen.add(key);
    if (manner === 'refuse') return void response.writeHead(500).end('never');
    if (manner === 'well' || !isFirst || !stumblesAt(arrival.target, arrival.id)) {
      arrival.became = 'taken';
      return void setTimeout(() => response.end('OK'), ANSWER_MS);
    }
    if (manner === 'fail') response.writeHead(500).end('not now');
    else if (manner === 'busy') response.writeHead(503, { 'retry-after': '1' }).end();
    else if (manner === 'reset') {
      arrival.became = 'cut';
      response.destroy();
    }
    // `hang`: no answer at all.
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    // A dispatcher that dies while it sends has sent nothing.
    request.on('end', () => {
      const target = request.url ?? '';
      const arrival: Arrival = {
        target,
        id: String(request.headers['webhook-id']),
        body: Buffer.concat(chunks).toString(),
        headers: request.headers,
        became: 'other',
      };
      arrivals.push(arrival);
      answer(response, manners.find((one) => target.startsWith(`/${one}/`)) ?? 'well', arrival);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, arrivals };
};

/** A service that publishes: the same event until JetStream has it. */
const publishUntilAccepted = async (publish: (eventId: string) => Promise<unknown>): Promise<void> => {
  const eventId = ids.next();
  await waitFor(
    () =>
      publish(eventId).then(
        () => true,
        () => false,
      ),
    { what: `event ${eventId} to be accepted`, timeoutMs: 90_000, intervalMs: 100 },
  );
};

interface Endpoint {
  readonly id: string;
  readonly secret: string;
  readonly owner: string;
  readonly target: string;
}

interface DeliveryRow {
  readonly id: string;
  readonly message_id: string;
  readonly endpoint_id: string | null;
  readonly sequence: number | null;
  readonly status: string;
  readonly attempt_count: number;
  readonly lease_owner: string | null;
  readonly event_type: string;
  readonly url: string | null;
}

test('dispatchers, NATS and Postgres are killed at any moment: nothing is lost, and no number is left out', async () => {
  const random = createRandom(SEED);
  const [postgres, nats, receivers] = await Promise.all([startPostgres(), startNats(), startReceivers()]);
  endings.push(
    () => postgres.stop(),
    () => nats.stop(),
  );
  const startDispatcher = async (): Promise<TestService> => {
    const dispatcher = await startService('webhook-dispatcher', {
      DATABASE_URL: postgres.urlFor('webhooks'),
      NATS_URL: nats.url,
      WEBHOOK_SECRET,
      WEBHOOK_ENCRYPTION_KEY: 'a-webhook-encryption-key-that-only-tests-know',
      INTERNAL_TOKEN_SECRET,
      WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
      WEBHOOK_LEASE_SECONDS: '2',
      WEBHOOK_TIMEOUT_SECONDS: '2',
      WEBHOOK_PARTNER_SCHEDULE_SECONDS: CALLBACK_SCHEDULE.join(),
      DRAIN_SECONDS: '0',
      LOG_LEVEL: 'warn',
    });
    endings.push(() => dispatcher.stop());
    return dispatcher;
  };
  const dispatchers = [await startDispatcher(), await startDispatcher()] as const;
  await Promise.all(dispatchers.map((one) => one.waitReady(60_000)));
  const bus = await connectBus({ url: nats.url, name: 'ticket-service', log: silentLog });
  endings.push(() => bus.close());

  const query = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    try {
      await client.query('set search_path = webhooks');
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  const mint = createInternalTokenMinter({ secret: INTERNAL_TOKEN_SECRET, clock: systemClock });
  const admin: UserPrincipal = {
    kind: 'user',
    user_id: ids.next(),
    email: 'admin@example.com',
    role: 'admin',
    business_id: null,
    session_id: null,
    origin: 'local',
  };
  const ask = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const response = await fetch(`${dispatchers[0].url}/api/admin/v1/webhooks${path}`, {
      method,
      headers: {
        [INTERNAL_TOKEN_HEADER]: mint(admin, 'webhook-dispatcher'),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  };

  /** Everybody has one that takes all well and is told what was given up, one of some other manner, and one that refuses. */
  const endpoints: Endpoint[] = [];
  const makeEndpoint = async (owner: string, manner: Manner, eventTypes: readonly string[]) => {
    const target = `/${manner}/${owner}`;
    const made = await ask<{ id: string; secret: string }>('POST', '/endpoints', {
      owner,
      environment: 'sandbox',
      url: receivers.url + target,
      event_types: eventTypes,
      concurrency: 4,
      schedule_seconds: manner === 'refuse' ? REFUSING_SCHEDULE : [0, 0.5, 1, 1, 1, 2, 2, 5],
    });
    endpoints.push({ ...made, owner, target });
  };
  const owners = Array.from({ length: OWNERS }, (_, at) => `account:owner-${at}`);
  const stumbling = ['fail', 'busy', 'reset', 'hang'] as const;
  for (const [at, owner] of owners.entries()) {
    await Promise.all([
      makeEndpoint(owner, 'well', ['order.*', 'webhooks.delivery.exhausted']),
      makeEndpoint(owner, stumbling[at % stumbling.length] ?? 'fail', ['order.*']),
      makeEndpoint(owner, 'refuse', ['order.refused']),
    ]);
  }
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));

  // What was accepted: message id → its body, and which targets it is for.
  const accepted = new Map<string, { body: string; targets: readonly string[] }>();
  const wantedPairs = () =>
    [...accepted].flatMap(([id, { targets }]) => targets.map((target) => `${id} ${target}`));
  const publishing: Promise<void>[] = [];
  const publishMessage = (owner: string, eventType: string) => {
    const messageId = ids.next();
    const body = webhookBody(eventType, new Date(), { name: 'שלום', price: 12.5, empty: {} });
    const message = { message_id: messageId, owner, event_type: eventType, environment: 'sandbox' } as const;
    const targets = endpoints
      .filter((one) => one.owner === owner)
      .filter((one) => eventType === 'order.refused' || !one.target.startsWith('/refuse/'))
      .map((one) => one.target);
    publishing.push(
      publishUntilAccepted((id) =>
        bus.publishEvent(
          webhookEvents.messagePublished,
          { ...message, body },
          { source: 'ticket-service', id },
        ),
      ).then(() => void accepted.set(messageId, { body, targets })),
    );
  };
  const publishCallback = (target: string) => {
    const messageId = ids.next();
    const body = JSON.stringify({ job_id: messageId, status: 'completed', results: { score: 8.5 } });
    const request = {
      profile: 'partner',
      message_id: messageId,
      event_type: 'partner.job.finished',
      url: receivers.url + target,
      environment: 'sandbox',
      secret: { kind: 'partner', key_id: KEY_ID, version: 1 },
      body,
    } as const;
    publishing.push(
      publishUntilAccepted((id) =>
        bus.publishEvent(webhookEvents.deliveryRequested, request, { source: 'partner-service', id }),
      ).then(() => void accepted.set(messageId, { body, targets: [target] })),
    );
  };
  const anybody = () => owners[Math.floor(random.between(0, OWNERS))] ?? '';
  const publishMany = (messages: number) => {
    for (let at = 0; at < messages; at += 1) publishMessage(anybody(), 'order.changed');
    for (let at = 0; at < CALLBACKS_PER_KILL; at += 1)
      publishCallback(
        at % 4 === 0 ? '/refuse/callbacks' : at % 4 === 1 ? '/fail/callbacks' : '/well/callbacks',
      );
  };

  console.info(`webhook crash matrix: seed ${SEED} (set SWITCHBOARD_CRASH_SEED to repeat another run)`);
  const victims = random.shuffle(
    VICTIMS.flatMap((victim) => Array.from({ length: KILLS_OF_EACH }, () => victim)),
  );
  for (const owner of owners)
    for (let at = 0; at < REFUSED_PER_OWNER; at += 1) publishMessage(owner, 'order.refused');
  publishMany(MESSAGES_FIRST);
  const inFlight: number[] = [];
  /** Accepted, and not taken by its receiver so far. */
  const countInFlight = () => {
    const taken = receivers.arrivals.filter((one) => one.became === 'taken');
    return wantedPairs().length - new Set(taken.map((one) => `${one.id} ${one.target}`)).size;
  };
  for (const victim of victims) {
    await pause(random.between(50, 900));
    inFlight.push(countInFlight());
    publishMany(MESSAGES_PER_KILL);
    await pause(random.between(0, 300));
    if (victim === 'nats' || victim === 'postgres') {
      const server = victim === 'nats' ? nats : postgres;
      await server.kill();
      await pause(random.between(50, 600));
      await server.restart();
    } else {
      const [first] = random.shuffle(dispatchers);
      const killed = victim === 'one dispatcher' && first ? [first] : dispatchers;
      await Promise.all(killed.map((one) => one.kill()));
      await pause(random.between(0, 500));
      await Promise.all(killed.map((one) => one.restart()));
    }
  }
  await Promise.all(publishing);
  await Promise.all(dispatchers.map((one) => one.waitReady(60_000)));
  const expected = wantedPairs().length;
  const refusedAtEndpoints = OWNERS * REFUSED_PER_OWNER;

  await waitFor(
    async () => {
      const [row] = await query<{ over: number; events: number }>(`
        select (select count(*)::int from webhook_deliveries where status in ('succeeded', 'exhausted')) as over,
          (select count(*)::int from outbox where published_at is null) as events`);
      // Whoever has an endpoint that gave up is told so, at another one.
      return row?.over === expected + refusedAtEndpoints && row.events === 0;
    },
    {
      what: `all ${expected + refusedAtEndpoints} deliveries to be over`,
      timeoutMs: 240_000,
      intervalMs: 250,
    },
  ).catch(async (error: Error) => {
    const found =
      await query(`select status, due_at is not null as due, lease_owner is not null as leased, count(*)
      from webhook_deliveries group by 1, 2, 3`);
    throw new Error(`${error.message}; there are ${JSON.stringify(found)}`);
  });

  const deliveries = await query<DeliveryRow>(
    `select id, message_id, endpoint_id, sequence::int as sequence, status, attempt_count, lease_owner, event_type, url
      from webhook_deliveries d order by endpoint_id, d.sequence`,
  );
  const targetOf = (row: DeliveryRow): string =>
    row.endpoint_id === null
      ? new URL(row.url ?? '').pathname
      : (byId.get(row.endpoint_id)?.target ?? 'an endpoint that nobody made');

  // Stored once for each target it is for, and for nobody else.
  const isTold = (row: DeliveryRow) => row.event_type === 'webhooks.delivery.exhausted';
  const stored = deliveries.filter((row) => !isTold(row)).map((row) => `${row.message_id} ${targetOf(row)}`);
  expect(stored.toSorted()).toEqual(wantedPairs().toSorted());
  expect(deliveries.filter(isTold).every((row) => targetOf(row).startsWith('/well/'))).toBe(true);

  // Over, with no lease left; exhausted only where nobody ever answers.
  const isRefused = (row: DeliveryRow) => targetOf(row).startsWith('/refuse/');
  const wrong = deliveries.filter(
    (row) => row.status !== (isRefused(row) ? 'exhausted' : 'succeeded') || row.lease_owner !== null,
  );
  expect(wrong).toEqual([]);

  // What came is what was published, as often as it came, and signed.
  const bodies = new Map(
    (await query<{ id: string; body: string }>('select id, body from webhook_messages')).map((row) => [
      row.id,
      row.body,
    ]),
  );
  for (const [id, { body }] of accepted) expect(bodies.get(id)).toBe(body);
  const partnerSecret = deriveWebhookSecret(WEBHOOK_SECRET, { keyId: KEY_ID, version: 1 });
  const byTarget = new Map(endpoints.map((endpoint) => [endpoint.target, endpoint]));
  const verifiers = new Map(endpoints.map(({ target, secret }) => [target, new Webhook(secret)]));
  const numbered = new Map(deliveries.map((row) => [`${targetOf(row)} ${row.message_id}`, row]));
  for (const { target, id, body, headers } of receivers.arrivals) {
    const row = numbered.get(`${target} ${id}`);
    expect(row, `a delivery of ${id} to ${target}`).toBeDefined();
    expect(body).toBe(bodies.get(id));
    if (byTarget.has(target)) {
      expect(headers['webhook-sequence']).toBe(String(row?.sequence));
      verifiers.get(target)?.verify(body, headers as Record<string, string>);
    } else {
      expect(headers['x-partner-signature']).toBe(
        createHmac('sha256', partnerSecret).update(body).digest('hex'),
      );
    }
  }

  // Attempts: numbered without a gap, one of them the success; nothing came that is not on record.
  const attempts = Map.groupBy(
    await query<{ delivery_id: string; attempt_number: number; outcome: string; http_status: number | null }>(
      'select * from webhook_attempts order by delivery_id, attempt_number',
    ),
    (row) => row.delivery_id,
  );
  const arrived = Map.groupBy(receivers.arrivals, ({ target, id }) => `${target} ${id}`);
  let duplicates = 0;
  for (const row of deliveries) {
    const of = attempts.get(row.id) ?? [];
    const came = arrived.get(`${targetOf(row)} ${row.message_id}`) ?? [];
    const where = `${row.message_id} at ${targetOf(row)}: ${of.map((one) => one.outcome).join()}`;
    expect(
      of.map((one) => one.attempt_number),
      where,
    ).toEqual(Array.from({ length: row.attempt_count }, (_, at) => at + 1));
    // A connection that was used before and is cut counts as one that was idle too long: the same attempt goes out again.
    expect(came.filter((one) => one.became !== 'cut').length, where).toBeLessThanOrEqual(of.length);
    expect(came.length, where).toBeGreaterThanOrEqual(of.filter((one) => one.http_status !== null).length);
    const succeeded = of.filter((one) => one.outcome === 'succeeded').length;
    if (isRefused(row)) {
      expect(succeeded, where).toBe(0);
      const schedule = row.endpoint_id === null ? CALLBACK_SCHEDULE : REFUSING_SCHEDULE;
      expect(of.filter((one) => one.outcome === 'failed').length, where).toBe(schedule.length);
    } else {
      expect(succeeded, where).toBe(1);
      expect(of.at(-1)?.outcome, where).toBe('succeeded');
      const taken = came.filter((one) => one.became === 'taken').length;
      expect(taken, where).toBeGreaterThanOrEqual(1);
      duplicates += taken - 1;
    }
    if (row.endpoint_id === null) {
      const numbers = came.map((one) => Number(one.headers['x-webhook-attempt']));
      expect(new Set(numbers).size, where).toBe(numbers.length);
    }
  }

  // Each end is told once.
  const told = await query<{ subject: string; deliveries: number; events: number }>(`
    select subject, count(distinct data ->> 'delivery_id')::int as deliveries, count(*)::int as events from outbox
    where subject in ('webhooks.delivery.succeeded', 'webhooks.delivery.exhausted') group by subject order by subject`);
  const refused = deliveries.filter(isRefused).length;
  expect(told).toEqual([
    { subject: 'webhooks.delivery.exhausted', deliveries: refused, events: refused },
    {
      subject: 'webhooks.delivery.succeeded',
      deliveries: deliveries.length - refused,
      events: deliveries.length - refused,
    },
  ]);

  // No number is left out, neither in the database nor in what a receiver reads to catch up.
  const byEndpoint = Map.groupBy(
    deliveries.filter((row) => row.endpoint_id !== null),
    (row) => row.endpoint_id,
  );
  expect(byEndpoint.size).toBe(endpoints.length);
  for (const [endpointId, rows] of byEndpoint) {
    expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, at) => at + 1));
    const feed: { sequence: number; message_id: string }[] = [];
    for (let more = true; more; ) {
      const page = await ask<{
        messages: { sequence: number; message_id: string }[];
        has_more: boolean;
        last_sequence: number;
      }>('GET', `/endpoints/${endpointId}/messages?after=${feed.length}&limit=100`);
      feed.push(...page.messages);
      more = page.has_more;
      expect(page.last_sequence).toBe(rows.length);
    }
    expect(feed.map(({ sequence, message_id }) => ({ sequence, message_id }))).toEqual(
      rows.map(({ sequence, message_id }) => ({ sequence, message_id })),
    );
  }

  const lost = [...attempts.values()].flat().filter((one) => one.outcome === 'lost').length;
  console.info(
    `webhook crash matrix: ${victims.length} kills (${victims.join(', ')}), ${accepted.size} messages, ${deliveries.length} deliveries (${inFlight.join(', ')} in flight at the kills), ${receivers.arrivals.length} requests, 0 lost, ${duplicates} duplicates, ${refused} exhausted, ${lost} attempts whose outcome nobody knows`,
  );
}, 600_000);
