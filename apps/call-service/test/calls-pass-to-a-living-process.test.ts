import { setTimeout as pause } from 'node:timers/promises';
import { createManualClock } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { changeCall } from '../src/domain/calls/change-call.ts';
import type { Call } from '../src/domain/database.ts';
import { CALLS, startTestCalls, type TestCalls, type TestReplica } from './support/calls.ts';

const LEASE_SECONDS = 10;
const SECONDS_MAX = 3_600;

let clock: ReturnType<typeof createManualClock>;
let calls: TestCalls;
beforeEach(async () => {
  clock = createManualClock();
  calls = await startTestCalls({ clock, calls: { leaseSeconds: LEASE_SECONDS, secondsMax: SECONDS_MAX } });
});
afterEach(() => calls.close());

const rowOf = async (callId: string): Promise<Call> => {
  const [row] = await calls.rows<Call>('SELECT * FROM calls.calls WHERE id = $1', [callId]);
  if (!row) throw new Error(`there is no call ${callId}`);
  return row;
};
const untilStatus = (callId: string, status: Call['status']): Promise<Call> =>
  waitFor(
    async () => {
      const row = await rowOf(callId);
      return row.status === status && row;
    },
    { what: `call ${callId} to be ${status}` },
  );
const connect = async (callId: string, { driver }: TestReplica = calls): Promise<void> => {
  driver.leg(callId).tell({ type: 'ringing' });
  driver.leg(callId).tell({ type: 'answered' });
  await untilStatus(callId, 'connected');
};
const mute = (callId: string, at?: TestReplica) =>
  calls.ask('POST', `${CALLS}/${callId}/actions`, { body: { action: 'mute' }, ...(at ? { at } : {}) });
/** Who just took a call may not be heard of yet: whoever asks is told to try again. */
const untilMuted = async (callId: string, at?: TestReplica): Promise<void> => {
  const status = await waitFor(
    async () => {
      const answer = await mute(callId, at);
      return answer.status !== 503 && answer.status;
    },
    { what: 'the call to be muted' },
  );
  expect(status).toBe(200);
};
const typesOf = async (callId: string): Promise<string[]> =>
  (await calls.follow(callId)).frames.map(({ type }) => type);
/** Longer than a lease, and than a newcomer waits for those who live. */
const runOut = () => clock.advance(LEASE_SECONDS + 1);

test('a call whose process is not heard of goes on at exactly one other; its audio cannot, and ends when it was lost', async () => {
  const quiet = await calls.startCall();
  const spoken = await calls.startCall();
  for (const { callId } of [quiet, spoken]) await connect(callId);
  await mute(quiet.callId);
  calls.driver.leg(spoken.callId).tell({ type: 'answer', sdp: 'v=0' });
  await waitFor(async () => (await rowOf(spoken.callId)).has_media, { what: 'the answer to be on record' });
  const others = [await calls.startReplica(), await calls.startReplica()] as const;
  for (const { driver } of others) driver.canResume = (lost) => !lost.hasMedia;

  clock.advance(LEASE_SECONDS - 1);
  expect(await Promise.all(others.map(({ sessions }) => sessions.takeOver()))).toEqual([0, 0]);
  const lostAt = (await rowOf(spoken.callId)).lease_until;
  clock.advance(2);
  const [left = 0, right = 0] = await Promise.all(others.map(({ sessions }) => sessions.takeOver()));
  expect(left + right).toBe(2);

  const [heir] = await waitFor(
    () => {
      const heirs = others.filter(({ driver }) => driver.legs.has(quiet.callId));
      return heirs.length > 0 && heirs;
    },
    { what: 'the call to be resumed' },
  );
  expect(others.filter(({ driver }) => driver.legs.has(quiet.callId))).toHaveLength(1);
  expect(heir?.driver.leg(quiet.callId).request).toMatchObject({ status: 'connected', isMuted: true });
  const lost = await untilStatus(spoken.callId, 'ended');
  expect([lost.reason, lost.ended_at]).toEqual(['service_lost', lostAt]);

  // Whoever is asked asks the one that has it.
  const bystander = others.find((one) => one !== heir);
  await untilMuted(quiet.callId, bystander);
  expect(heir?.driver.leg(quiet.callId).acts).toEqual([{ action: 'mute' }]);
});

test('a process that stood still says nothing more of calls that others took, and lets go of them without a hang-up', async () => {
  const told = await calls.startCall();
  const asked = await calls.startCall();
  const renewed = await calls.startCall();
  for (const { callId } of [told, asked, renewed]) await connect(callId);
  const other = await calls.startReplica();
  runOut();
  expect(await other.sessions.takeOver()).toBe(3);
  await waitFor(() => other.driver.legs.size === 3, { what: 'the calls to be resumed' });

  calls.driver.leg(told.callId).tell({ type: 'hungUp', cause: 'remote_hangup' });
  await waitFor(() => calls.driver.leg(told.callId).end === 'released');
  // The new owner does what is asked of the old one.
  await untilMuted(asked.callId);
  expect(calls.driver.leg(asked.callId).acts).toEqual([]);
  expect(other.driver.leg(asked.callId).acts).toEqual([{ action: 'mute' }]);
  await calls.sessions.renew();
  for (const { callId } of [asked, renewed]) {
    await waitFor(() => calls.driver.leg(callId).end === 'released');
  }
  expect(calls.sessions.size).toBe(0);
  expect((await rowOf(told.callId)).status).toBe('connected');
  expect(await other.sessions.takeOver()).toBe(0);
});

test('a process that is late keeps what nobody took', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  runOut();
  await calls.sessions.renew();
  const other = await calls.startReplica();
  clock.advance(LEASE_SECONDS - 1);
  expect(await other.sessions.takeOver()).toBe(0);
  expect((await mute(callId)).status).toBe(200);
});

test('what was stored and never dialled is dialled by another process', async () => {
  const { callId } = await calls.startCall();
  const orphan = '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21';
  await calls.rows(
    `INSERT INTO calls.calls (id, account_id, name, phone, call_type, status, started_at, last_sequence, lease_owner, lease_until)
    SELECT $2, account_id, name, phone, call_type, status, started_at, last_sequence, lease_owner, lease_until
    FROM calls.calls WHERE id = $1`,
    [callId, orphan],
  );
  runOut();
  await calls.sessions.renew();
  // Its own process, too: the answer to its commit may have been lost.
  expect(await calls.sessions.takeOver()).toBe(1);
  await waitFor(() => calls.driver.legs.has(orphan), { what: 'the orphan to be dialled' });
});

test('a call that nobody ends is ended, whoever has it in hand, with the time at which its time was up', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  const { started_at } = await rowOf(callId);
  const other = await calls.startReplica();
  clock.advance(SECONDS_MAX - 1);
  expect(await other.sessions.endOverdue()).toBe(0);
  clock.advance(60);
  const ended = await Promise.all([other.sessions.endOverdue(), other.sessions.endOverdue()]);
  expect(Math.max(...ended)).toBe(1);
  const row = await rowOf(callId);
  expect(row).toMatchObject({ status: 'ended', reason: 'max_duration', duration_seconds: SECONDS_MAX });
  expect(row.ended_at).toEqual(new Date(started_at.getTime() + SECONDS_MAX * 1000));
  expect((await typesOf(callId)).filter((type) => type === 'call.ended')).toHaveLength(1);
  await calls.sessions.renew();
  await waitFor(() => calls.driver.leg(callId).end === 'ended', { what: 'its owner to hang up' });
});

test('a row that somebody holds costs its owner no other call, and holds up no others whose time is up', async () => {
  const held = await calls.startCall();
  const free = await calls.startCall();
  for (const { callId } of [held, free]) await connect(callId);
  const other = await calls.startReplica();
  const holding = async (work: () => Promise<void>): Promise<void> => {
    await calls.rows('BEGIN');
    await calls.rows('SELECT FROM calls.calls WHERE id = $1 FOR UPDATE', [held.callId]);
    await work();
    await calls.rows('ROLLBACK');
  };
  await holding(async () => {
    clock.advance(LEASE_SECONDS - 1);
    await calls.sessions.renew();
    clock.advance(LEASE_SECONDS - 1);
    expect(await other.sessions.takeOver()).toBe(0);
  });
  await calls.sessions.renew();
  expect(await other.sessions.takeOver()).toBe(0);
  expect(calls.sessions.size).toBe(2);
  clock.advance(SECONDS_MAX);
  await holding(async () => expect(await other.sessions.endOverdue()).toBe(1));
  expect(await other.sessions.endOverdue()).toBe(1);
});

test('a process that is busy beyond its connections is not taken for dead', async () => {
  await calls.startCall();
  const other = await calls.startReplica();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const busy = Array.from({ length: 10 }, () => calls.deps.data.db.connection().execute(() => released));
  clock.advance(LEASE_SECONDS - 1);
  await calls.sessions.renew().finally(release);
  clock.advance(LEASE_SECONDS - 1);
  expect(await other.sessions.takeOver()).toBe(0);
  await Promise.all(busy);
});

test('a clock that is set back leaves no call without an owner', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  const other = await calls.startReplica();
  clock.advance(-3_600);
  expect(await other.sessions.takeOver()).toBe(1);
  await waitFor(() => other.driver.legs.has(callId), { what: 'the call to be resumed' });
});

test('a change whose answer was lost is on record once', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  const before = await rowOf(callId);
  const { deps, sessions } = calls;
  const change = { kind: 'answer', sdp: 'v=0', at: clock.now() } as const;
  const options = { owner: sessions.owner, after: before.last_sequence };
  // The first try goes on while the second one is made.
  const tries = [1, 2].map(() => changeCall(deps, callId, change, options));
  expect((await Promise.all(tries)).map((done) => done?.changed).sort()).toEqual([false, true]);
  expect((await typesOf(callId)).filter((type) => type === 'media.answer')).toHaveLength(1);
});

// What is not written within two seconds is given up: a machine that stands still for longer is asked again.
test('a process that ends gives its calls away at once, and what came before is on record', {
  retry: 2,
}, async () => {
  const first = await calls.startReplica();
  const started = await calls.startCall({}, { at: first });
  first.driver.leg(started.callId).tell({ type: 'ringing' });
  await first.sessions.close();
  expect((await rowOf(started.callId)).status).toBe('ringing');
  expect(first.driver.leg(started.callId).end).toBe('released');
  expect(first.sessions.canTake()).toBe(false);
  const heir = await calls.startReplica();
  clock.advance(3);
  expect(await heir.sessions.takeOver()).toBe(1);
  await waitFor(() => heir.driver.legs.has(started.callId), { what: 'the call to be resumed' });
});

test('an end by any process reaches the one that has the call in hand; what its leg says later changes nothing', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  const other = await calls.startReplica();
  clock.advance(5);
  const first = await calls.ask('POST', `${CALLS}/${callId}/end`, { at: other });
  expect(first.status).toBe(200);
  await waitFor(() => calls.driver.leg(callId).end === 'ended', { what: 'the leg to be hung up' });
  clock.advance(5);
  calls.driver.leg(callId).tell({ type: 'hungUp', cause: 'busy' });
  const again = await calls.ask('POST', `${CALLS}/${callId}/end`);
  expect(again.body).toEqual(first.body);
  expect(await typesOf(callId)).toEqual(['call.initialized', 'call.ringing', 'call.connected', 'call.ended']);
  expect(await calls.events('calls.call.ended')).toHaveLength(1);
});

test('a far end that was busy while the database was away was busy, though somebody hangs up as soon as it is back', async () => {
  const { callId } = await calls.startCall();
  const start = await calls.stopDatabase();
  const busyAt = clock.now();
  calls.driver.leg(callId).tell({ type: 'hungUp', cause: 'busy' });
  // Long enough that its next try is not at once.
  await pause(1_500);
  clock.advance(5);
  await start();
  // A database that is slow to come back may cost whoever asks another try.
  const end = () =>
    waitFor(
      async () => {
        const answer = await calls.ask('POST', `${CALLS}/${callId}/end`);
        return answer.status !== 503 && answer;
      },
      { what: 'the call to be ended' },
    );
  const ends = await Promise.all([end(), end()]);
  expect(ends.map(({ status }) => status)).toEqual([200, 200]);
  expect(await rowOf(callId)).toMatchObject({ status: 'failed', reason: 'busy', ended_at: busyAt });
  expect(ends[0]?.body).toEqual(ends[1]?.body);
});

test('a call takes a thousand actions and no more, through however many hands it goes', async () => {
  const { callId } = await calls.startCall();
  await connect(callId);
  await calls.rows(
    `WITH said AS (
      INSERT INTO calls.call_frames
      SELECT id, last_sequence + n, 'call.action', '{"action":"mute","status":"performed"}', now()
      FROM calls.calls, generate_series(1, 999) AS n WHERE id = $1)
    UPDATE calls.calls SET last_sequence = last_sequence + 999 WHERE id = $1`,
    [callId],
  );
  const heir = await calls.startReplica();
  runOut();
  expect(await heir.sessions.takeOver()).toBe(1);
  expect((await mute(callId, heir)).status).toBe(200);
  const refused = await mute(callId, heir);
  expect([refused.status, refused.body.error.code]).toEqual([429, 'RATE_LIMIT_EXCEEDED']);
  const end = await calls.ask('POST', `${CALLS}/${callId}/actions`, { body: { action: 'hangup' }, at: heir });
  expect(end.status).toBe(200);
});
