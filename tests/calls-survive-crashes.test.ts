import { setTimeout as pause } from 'node:timers/promises';
import { startService, type TestService, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CallSocket, openCallSocket } from './support/call-socket.ts';
import { type CallsClient, createCallsClient } from './support/calls-client.ts';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * Fifty calls at a time are up while call-service is killed (beside another one, and alone), NATS is away, and Postgres is
 * killed. Afterwards no call is stuck, each has ended once, and its row in the log is right.
 *
 * `SWITCHBOARD_NATS_AWAY_SECONDS=20` is a run with NATS away for longer.
 */
const NATS_AWAY_SECONDS = Number(process.env.SWITCHBOARD_NATS_AWAY_SECONDS ?? 4);
const POSTGRES_AWAY_SECONDS = 6;
const LEASE_SECONDS = 5;
/** What the specification allows after a crash. */
const STUCK_SECONDS_MAX = 60;

/** How many of each there are, what is dialled, and how the call ends when nobody ends it. */
const kinds = {
  stays: { calls: 30, phone: '+15005550005', reasons: ['hangup'] },
  rings: { calls: 5, phone: '+15550100', reasons: ['hangup'] },
  speaks: { calls: 5, phone: '+15005550005', reasons: ['service_lost', 'media_failed', 'hangup'] },
  hangsUp: { calls: 5, phone: '+15005550004', reasons: ['remote_hangup'] },
  isBusy: { calls: 3, phone: '+15005550001', reasons: ['busy'] },
  neverAnswers: { calls: 2, phone: '+15005550002', reasons: ['no_answer'] },
} as const;
type Kind = keyof typeof kinds;
const endsByItself = (kind: Kind): boolean => !(kinds[kind].reasons as readonly string[]).includes('hangup');
const failures: readonly string[] = ['busy', 'no_answer', 'media_failed'];

/** A browser's offer; nothing is behind its addresses. */
const OFFER = [
  'v=0',
  'o=- 1841724751068951529 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:uULZ',
  'a=ice-pwd:Z/36bDVqA9NzF7wzAjdhs/A5',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
  'a=setup:actpass',
  'a=mid:0',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  '',
].join('\r\n');

interface Row {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly started_at: Date;
  readonly connected_at: Date | null;
  readonly ended_at: Date | null;
  readonly duration_seconds: number | null;
  readonly last_sequence: number;
  readonly lease_owner: string | null;
}

let platform: Platform;
let second: TestService;
let client: CallsClient;
const started = new Map<string, Kind>();
const sockets: CallSocket[] = [];
const figures: string[] = [];

beforeAll(async () => {
  platform = await startPlatform(
    { 'call-service': { CALL_LEASE_SECONDS: String(LEASE_SECONDS), CALL_NO_ANSWER_SECONDS: '4' } },
    { without: ['partner-service', 'ticket-service', 'ai-service', 'webhook-dispatcher'] },
  );
  const { PORT: _own, ...environment } = platform.environmentOf('call-service');
  second = await startService('call-service', environment);
  await second.waitReady();
  const credentials = await platform.createApiKey({ rate_limit_per_minute: 10_000 });
  client = createCallsClient(platform.gatewayUrl, credentials);
}, 180_000);
afterAll(async () => {
  await Promise.all(sockets.map((socket) => socket.close()));
  await second?.stop();
  await platform?.stop();
});

const rowsOf = (ids: readonly string[]): Promise<Row[]> =>
  platform.query<Row>('SELECT * FROM calls.calls WHERE id = ANY($1)', [ids]);
const ownersNow = async (): Promise<string[]> => {
  const found = await platform.query<{ lease_owner: string }>(
    'SELECT DISTINCT lease_owner FROM calls.calls WHERE lease_owner IS NOT NULL',
  );
  return found.map(({ lease_owner }) => lease_owner);
};

/** The name in leases of the process that takes new calls: that of a call which it has just taken. */
const ownerOfNewCalls = async (): Promise<string> => {
  const { callId } = await client.start();
  started.set(callId, 'stays');
  const [row] = await rowsOf([callId]);
  return row?.lease_owner ?? '';
};

/** A busy gateway says "try again later", and clients do. */
const speak = (wsUrl: string): Promise<void> =>
  waitFor(
    async () => {
      const socket = openCallSocket(wsUrl);
      await socket.waitForFrame('call.connected');
      socket.send({ type: 'media.offer', data: { sdp: OFFER } });
      await socket.waitForFrame('media.answer');
      sockets.push(socket);
      return true;
    },
    { what: 'audio to be answered', timeoutMs: 60_000 },
  ).then(() => undefined);

/** Fifty calls more, all of them begun, and those that somebody answers answered. */
const startFifty = async (): Promise<ReadonlyMap<string, Kind>> => {
  const wanted = Object.entries(kinds).flatMap(([kind, { calls }]) => Array<Kind>(calls).fill(kind as Kind));
  const made = new Map<string, Kind>();
  const start = async (kind: Kind) => {
    const { callId, wsUrl } = await client.start(kinds[kind].phone, kind);
    started.set(callId, kind);
    made.set(callId, kind);
    return wsUrl;
  };
  // Those that speak were answered before somebody spoke, and are over when no audio has come for ten seconds.
  const lasting = () => [...made].filter(([, kind]) => kind in { stays: 1, rings: 1 });
  await Promise.all(wanted.filter((kind) => kind === 'stays' || kind === 'rings').map(start));
  // The last ones are those that end by themselves soon: they shall not be over when something is killed.
  await Promise.all((await Promise.all(wanted.filter((kind) => kind === 'speaks').map(start))).map(speak));
  await Promise.all(wanted.filter((kind) => !(kind in { stays: 1, rings: 1, speaks: 1 })).map(start));
  await waitFor(
    async () => {
      const rows = await rowsOf(lasting().map(([id]) => id));
      const others = rows.filter(({ status }) => status !== 'connected');
      if (others.length === 0) return true;
      throw new Error(
        others.map(({ id, status, reason }) => `${made.get(id)} ${status} ${reason}`).join(', '),
      );
    },
    { what: 'calls to be answered' },
  );
  return made;
};

/** Waits until every call that is not over has an owner who lives, and notes for how long. */
const untilNoneIsStuck = async (
  what: string,
  dead: readonly string[] = [],
  sinceMs = performance.now(),
): Promise<void> => {
  await waitFor(
    async () => {
      const [row] = await platform.query<{ stuck: number }>(
        `SELECT count(*)::int AS stuck FROM calls.calls
        WHERE ended_at IS NULL AND (lease_until < now() OR lease_owner = ANY($1::uuid[]))`,
        [dead],
      );
      return row?.stuck === 0;
    },
    { what: `no call to be stuck, ${what}`, timeoutMs: STUCK_SECONDS_MAX * 1000, intervalMs: 100 },
  );
  figures.push(`${what}: ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
};

/** A call can be made from beginning to end, and something done in it. */
const expectNewCallsToWork = async (): Promise<void> => {
  const call = await waitFor(() => client.start(), {
    what: 'a new call',
    timeoutMs: 60_000,
    intervalMs: 250,
  });
  started.set(call.callId, 'stays');
  await waitFor(async () => (await rowsOf([call.callId]))[0]?.status === 'connected', { what: 'its answer' });
  await waitFor(() => client.press(call.callId, '5'), { what: 'a key to be pressed', intervalMs: 250 });
  await client.end(call.callId);
};

const idsOf = (calls: ReadonlyMap<string, Kind>, kind: Kind): string[] =>
  [...calls].filter(([, of]) => of === kind).map(([id]) => id);

test('no call is stuck, ends twice or is told wrongly, whatever is killed', async () => {
  const first = platform.services['call-service'];

  // Killed beside another one, which takes over; whoever is asked afterwards asks that one.
  const killed = await ownerOfNewCalls();
  const calls = await startFifty();
  await first.kill();
  await untilNoneIsStuck('after SIGKILL beside another one', [killed]);
  await first.restart();
  await first.waitReady();
  await expectNewCallsToWork();
  const [held = ''] = idsOf(calls, 'stays');
  await waitFor(() => client.press(held, '1'), { what: 'a key to be pressed', intervalMs: 250 });

  // Ended in good order: its calls pass on.
  const alone = await ownerOfNewCalls();
  const others = (await ownersNow()).filter((owner) => owner !== alone);
  await second.stop();
  await untilNoneIsStuck('after SIGTERM', others);

  // Killed alone.
  await startFifty();
  await first.kill();
  const killedAtMs = performance.now();
  await first.restart();
  await first.waitReady();
  await untilNoneIsStuck('after SIGKILL alone, with its start', [alone], killedAtMs);
  await expectNewCallsToWork();

  // Without NATS: calls go on and end, by hand too.
  const [doomed = '', ...lasting] = idsOf(await startFifty(), 'stays');
  await platform.nats.kill();
  const sinceMs = performance.now();
  const ended = await client.ask('POST', `/calls/${doomed}/end`);
  expect(ended.status).toBe(200);
  await pause(NATS_AWAY_SECONDS * 1000 - (performance.now() - sinceMs));
  await platform.nats.restart();
  await untilNoneIsStuck(`after NATS was away for ${NATS_AWAY_SECONDS} s`);
  await expectNewCallsToWork();
  expect((await rowsOf(lasting)).every(({ status }) => status === 'connected')).toBe(true);

  // Without Postgres: what happens meanwhile is written down later, with the time at which it happened.
  const hangingUp = idsOf(await startFifty(), 'hangsUp');
  await waitFor(async () => (await rowsOf(hangingUp)).every(({ connected_at }) => connected_at), {
    what: 'calls to be answered that the far end ends',
  });
  await platform.postgres.kill();
  await pause(POSTGRES_AWAY_SECONDS * 1000);
  // If the process stood still, what was due in it has happened by its answer.
  await fetch(`${first.url}/livez`);
  const backAt = new Date();
  await platform.postgres.restart();
  await untilNoneIsStuck(`after Postgres was away for ${POSTGRES_AWAY_SECONDS} s`);
  await expectNewCallsToWork();
  await waitFor(async () => (await rowsOf(hangingUp)).every(({ ended_at }) => ended_at), {
    what: 'what happened without Postgres to be on record',
  });
  for (const row of await rowsOf(hangingUp)) expect(row.ended_at?.getTime()).toBeLessThan(backAt.getTime());

  // Nobody hangs up before those that end by themselves have, however slow all of this was.
  const ending = [...started].filter(([, kind]) => endsByItself(kind)).map(([id]) => id);
  await waitFor(async () => (await rowsOf(ending)).every(({ ended_at }) => ended_at), {
    what: 'calls that end by themselves to be over',
    timeoutMs: 60_000,
  });

  // Whatever is left is ended, twice at once.
  const left = await platform.query<{ id: string }>('SELECT id FROM calls.calls WHERE ended_at IS NULL');
  const ends = await Promise.all(left.flatMap(({ id }) => [client.end(id), client.end(id)]));
  for (let at = 0; at < ends.length; at += 2) expect(ends[at]).toEqual(ends[at + 1]);

  const all = await platform.query<Row>('SELECT * FROM calls.calls');
  expect(all.map(({ id }) => id).toSorted()).toEqual([...started.keys()].toSorted());
  for (const row of all) {
    const kind = started.get(row.id) ?? 'stays';
    const where = `${kind} ${row.id}: ${row.status}, ${row.reason}`;
    expect(kinds[kind].reasons, where).toContain(row.reason);
    expect(row.status, where).toBe(failures.includes(row.reason ?? '') ? 'failed' : 'ended');
    const lastedMs = (row.ended_at?.getTime() ?? Number.NaN) - row.started_at.getTime();
    expect(row.duration_seconds, where).toBe(Math.floor(lastedMs / 1000));
    expect(row.lease_owner, where).toBeNull();
  }

  // One last frame, its number the last, and it says what the row says.
  const frames = await platform.query<{ call_id: string; sequence: number; type: string; data: object }>(
    'SELECT call_id, sequence, type, data FROM calls.call_frames ORDER BY call_id, sequence',
  );
  const framesOf = Map.groupBy(frames, ({ call_id }) => call_id);
  for (const row of all) {
    const own = framesOf.get(row.id) ?? [];
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, at) => at + 1));
    expect(own.filter(({ type }) => type === 'call.ended')).toHaveLength(1);
    expect(own.filter(({ type }) => type === 'call.connected').length).toBeLessThanOrEqual(1);
    expect(own.at(-1)).toMatchObject({
      sequence: row.last_sequence,
      type: 'call.ended',
      data: { endTime: row.ended_at?.toISOString(), duration: row.duration_seconds, reason: row.reason },
    });
  }

  // One event says so, and all of them are published; the figures of the hours are those of the rows.
  const events = await platform.query<{ call_id: string; ends: number }>(
    `SELECT data ->> 'call_id' AS call_id, count(*)::int AS ends FROM calls.outbox
    WHERE subject IN ('calls.call.ended', 'calls.call.failed') GROUP BY 1`,
  );
  expect(events.filter(({ ends: count }) => count !== 1)).toEqual([]);
  expect(events).toHaveLength(all.length);
  await waitFor(
    async () =>
      (await platform.query('SELECT FROM calls.outbox WHERE published_at IS NULL LIMIT 1')).length === 0,
    { what: 'all events to be published' },
  );
  const [hours] = await platform.query<{ calls: number; seconds: number }>(
    'SELECT sum(calls)::int AS calls, sum(duration_seconds)::int AS seconds FROM calls.call_hours',
  );
  const seconds = all.reduce((sum, row) => sum + (row.duration_seconds ?? 0), 0);
  expect(hours).toEqual({ calls: all.length, seconds });

  // Whoever followed a call through all of it got every frame once.
  for (const socket of sockets) {
    await socket.waitForFrame('call.ended', 60_000);
    const numbers = socket.frames.map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
  }

  const lost = all.filter(({ reason }) => reason === 'service_lost').length;
  console.info(
    `calls through crashes: ${all.length} calls, none stuck, each ended once, ${lost} with audio ended as service_lost; ${figures.join('; ')}`,
  );
}, 600_000);

test('a support ticket asked for while ticket-service is dead is opened once, and call and ticket name each other', async () => {
  const tickets = platform.services['ticket-service'];
  const { callId } = await client.start();
  const ask = async (title: string) => {
    const path = `/calls/${callId}/support-tickets`;
    const answer = await client.ask<{ ticketId: string }>('POST', path, { title });
    expect(answer.status).toBe(202);
    return answer.body.data.ticketId;
  };
  const untilOpen = (ids: readonly string[]) =>
    waitFor(
      async () => {
        const found = await platform.query('SELECT FROM tickets.tickets WHERE id = ANY($1::uuid[])', [ids]);
        return found.length === ids.length;
      },
      { what: 'the tickets to be opened', timeoutMs: 60_000 },
    );

  // Dead before it ever ran, then killed.
  const first = await ask('Before it was ever there');
  await tickets.restart();
  await tickets.waitReady();
  await untilOpen([first]);
  await tickets.kill();
  const second = await ask('While it is dead');
  await tickets.restart();
  await tickets.waitReady();
  const ids = [first, second];
  await untilOpen(ids);

  const { tickets: listed } = (await platform.administer('GET', `/tickets?call_id=${callId}`)) as {
    tickets: readonly { readonly id: string; readonly call_id: string }[];
  };
  expect(listed.map(({ id, call_id }) => [id, call_id]).toSorted()).toEqual(
    ids.map((id) => [id, callId]).toSorted(),
  );
  interface Linked {
    readonly supportTickets: readonly { readonly ticketId: string; readonly status: string }[];
  }
  const linked = async () => (await client.ask<Linked>('GET', `/calls/${callId}`)).body.data.supportTickets;
  expect(await linked()).toEqual(
    ids.map((ticketId) => ({ ticketId, openedAt: expect.any(String), status: 'open' })),
  );
  const history = await platform.query<{ ticket_id: string; type: string }>(
    'SELECT ticket_id, type FROM tickets.ticket_changes WHERE ticket_id = ANY($1::uuid[])',
    [ids],
  );
  expect(history.map(({ ticket_id, type }) => [ticket_id, type]).toSorted()).toEqual(
    ids.map((id) => [id, 'created']).toSorted(),
  );

  // Each side can follow the link: the caller sees what becomes of the ticket, and staff see its call.
  await platform.administer('PATCH', `/tickets/${first}/status`, { status: 'resolved' });
  await waitFor(async () => (await linked())[0]?.status === 'resolved', {
    what: 'the call to know that its ticket is resolved',
  });
  expect((await linked())[1]?.status).toBe('open');
  const { body: own } = await client.ask('GET', `/calls/${callId}`);
  expect(await platform.administer('GET', `/calls/${listed[0]?.call_id}`)).toEqual(own);
  await client.end(callId);
}, 300_000);
