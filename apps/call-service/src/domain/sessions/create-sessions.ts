import { randomUUID } from 'node:crypto';
import { type Bus, pause } from '@switchboard/bus';
import { AppError, type CallMessage, callRpcs } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import type { Log } from '@switchboard/service-kit';
import type { Config } from '../../config.ts';
import { type ChangeDeps, changeCall, isOver } from '../calls/change-call.ts';
import type { Call, Data, Executor } from '../database.ts';
import type { TelephonyDriver } from '../telephony/driver.ts';
import {
  countSaid,
  findOverdue,
  giveLeases,
  readCalls,
  renewLeases,
  takeLeases,
} from './lease-repository.ts';
import { type Origin, type Session, startSession } from './session.ts';
import type { Requester, Sessions } from './sessions.ts';
import { withinTime } from './within-time.ts';

export interface SessionsDeps {
  readonly data: Data;
  /** For leases alone: however many requests wait for the other connections, this process is not taken for dead. */
  readonly leases: Executor;
  readonly bus: Bus;
  readonly driver: TelephonyDriver;
  readonly log: Log;
  readonly onOver?: ChangeDeps['onOver'];
  readonly config: Pick<Config['calls'], 'leaseSeconds' | 'secondsMax' | 'activeMax'>;
  /** `by hand`: leases are renewed, and calls taken over, when a test says so. */
  readonly rounds?: 'timed' | 'by hand';
}

/** What `main` ends, beside what routes use. */
export interface RunningSessions extends Sessions {
  /** Puts off the end of our leases, and lets go of calls that are over or in other hands. */
  renew(): Promise<void>;
  /** Takes calls whose owner was not heard of in time. Gives how many. */
  takeOver(): Promise<number>;
  /** Ends calls that nobody ended, whoever has them in hand. Gives how many. */
  endOverdue(): Promise<number>;
  /** Takes no new calls, and none of others. */
  stopTaking(): void;
  /** Gives every call away: another process may take it at once. */
  close(): Promise<void>;
}

const TAKE_OVER_MS = 2_000;
const RETRY_MS = 1_000;
const BATCH = 200;
const ASK_TIMEOUT_MS = 4_500;
const TELL_TIMEOUT_MS = 2_000;
/** What happened before the end of this process is written down in this time, or never by it. */
const CLOSE_TIMEOUT_MS = 2_000;

const actionOf = (message: CallMessage) => (message.type === 'call.action' ? message.data : undefined);
const isHangUp = (message: CallMessage): boolean =>
  message.type === 'call.end' || actionOf(message)?.action === 'hangup';

/** The calls that this process has in hand (see sessions.ts). */
export const createSessions = (deps: SessionsDeps): RunningSessions => {
  const { data, leases, bus, driver, log, onOver, config, rounds = 'timed' } = deps;
  const { clock } = data;
  const owner = randomUUID();
  const sessions = new Map<string, Session>();
  const stopping = new AbortController();
  const leaseMs = config.leaseSeconds * 1000;
  const takeOverMs = Math.min(TAKE_OVER_MS, leaseMs / 3);
  const nowMs = () => clock.now().getTime();
  let isTaking = true;
  /** The last renewal passed over calls of ours: somebody held their rows. */
  let isBehind = false;
  /** Since when our leases are as long as they can be. */
  let renewedAtMs = nowMs();
  // After a time without Postgres everybody's leases have run out, and living owners come first. Whoever has just started
  // knows of no such time.
  let quietUntilMs = nowMs() + takeOverMs;
  const beQuiet = () => {
    quietUntilMs = nowMs() + leaseMs;
  };
  const isQuiet = () => {
    const leftMs = quietUntilMs - nowMs();
    // More than there ever is: the clock was set back.
    return leftMs > 0 && leftMs <= leaseMs;
  };

  const onTrouble = (error: unknown) => {
    if (isTransientDatabaseError(error)) beQuiet();
  };
  const minding = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      onTrouble(error);
      throw error;
    }
  };

  const hold = (call: Call, origin: Origin) => {
    const session = startSession(
      {
        data,
        bus,
        driver,
        log,
        owner,
        perform: (message, by) => perform(call, message, by),
        async confirm() {
          // It stood still for long: others may have the call, and its own leg is nobody's.
          if (nowMs() - renewedAtMs >= leaseMs) await renew();
        },
        onTrouble,
        onOver,
        onGone(gone) {
          if (sessions.get(gone.id) === gone) sessions.delete(gone.id);
        },
      },
      call,
      origin,
    );
    sessions.set(call.id, session);
  };

  const renew = () =>
    minding(async () => {
      const held = [...sessions.values()];
      const atMs = nowMs();
      const ids = held.map(({ id }) => id);
      const until = new Date(atMs + leaseMs);
      const kept = ids.length === 0 ? new Set() : await renewLeases(leases, { owner, ids, until });
      renewedAtMs = atMs;
      const missing = held.filter((one) => !kept.has(one.id) && sessions.get(one.id) === one);
      isBehind = false;
      if (missing.length === 0) return;
      const rows = await readCalls(
        leases,
        missing.map(({ id }) => id),
      );
      for (const session of missing) {
        const row = rows.get(session.id);
        if (row?.lease_owner === owner) isBehind = true;
        else session.leave(row && !isOver(row) ? 'release' : 'end');
      }
    });

  const takeOver = () =>
    minding(async () => {
      let taken = 0;
      for (let more = true; more && isTaking && !isQuiet(); ) {
        const now = clock.now();
        const lost = await takeLeases(leases, {
          owner,
          now,
          until: new Date(now.getTime() + leaseMs),
          inHand: [...sessions.keys()],
          max: BATCH,
        });
        const said = await countSaid(
          leases,
          lost.map(({ call }) => call.id),
        );
        // However many they are: nobody else may have room either, and a call without an owner is stuck.
        for (const { call, lostAt } of lost) {
          // It was stored so slowly that its lease had run out by then.
          if (sessions.has(call.id)) continue;
          hold(call, { kind: 'lost', lostAt, said: said.get(call.id) ?? { actions: 0, answers: 0 } });
        }
        taken += lost.length;
        more = lost.length === BATCH;
      }
      if (taken > 0) log.info({ calls: taken }, 'Calls whose process was not heard of are taken over');
      return taken;
    });

  const endOverdue = () =>
    minding(async () => {
      const secondsMax = config.secondsMax;
      const before = new Date(nowMs() - secondsMax * 1000);
      const overdue = await findOverdue(leases, { before, max: BATCH });
      for (const { id, startedAt } of overdue) {
        const at = new Date(startedAt.getTime() + secondsMax * 1000);
        try {
          await changeCall(deps, id, { kind: 'over', reason: 'max_duration', at });
          sessions.get(id)?.leave('end');
        } catch (error) {
          if (isTransientDatabaseError(error)) throw error;
          // One that the database refuses holds up no others.
          log.error({ err: error, callId: id }, 'A call that nobody ended could not be ended');
        }
      }
      if (overdue.length > 0) log.info({ calls: overdue.length }, 'Calls that nobody ended are ended');
      return overdue.length;
    });

  /** The end is written first; who has the call in hand hears of it from us, or at its next renewal. */
  const hangUp = async (id: string, message: CallMessage, by: Requester): Promise<void> => {
    const at = clock.now();
    const action = actionOf(message);
    // The far end hung up, or was busy, while the database was away: whoever hangs up now comes after that.
    await sessions.get(id)?.ending();
    let done: Awaited<ReturnType<typeof changeCall>>;
    try {
      const over = { kind: 'over', reason: 'hangup', at, ...(action ? { action } : {}) } as const;
      done = await minding(() => changeCall(deps, id, over));
    } catch (error) {
      const session = sessions.get(id);
      if (!session || !isTransientDatabaseError(error)) throw error;
      return session.hangUp(at, action);
    }
    if (!done) throw new AppError('CALL_NOT_FOUND');
    const session = sessions.get(id);
    if (session) session.leave('end');
    else if (done.changed) void tellOwner(id, by);
    if (!done.changed && action) throw new AppError('CALL_NOT_ACTIVE');
  };

  const ask = (
    id: string,
    message: CallMessage,
    { principal, connectionId = 'none' }: Requester,
    timeoutMs: number,
  ) =>
    bus.request(callRpcs.command, { id, message, principal, connection_id: connectionId }, { id, timeoutMs });
  const tellOwner = (id: string, by: Requester) =>
    ask(id, { type: 'call.end', data: {} }, by, TELL_TIMEOUT_MS).catch((error: unknown) =>
      log.debug({ err: error, callId: id }, 'The owner of a call that is over was not told'),
    );

  const askOwner = async (id: string, message: CallMessage, by: Requester): Promise<void> => {
    try {
      await ask(id, message, by, ASK_TIMEOUT_MS);
    } catch (error) {
      const isAway =
        error instanceof AppError &&
        (error.code === 'SERVICE_UNAVAILABLE' || error.code === 'GATEWAY_TIMEOUT');
      if (!isAway) throw error;
      const row = (await readCalls(data.db, [id])).get(id);
      if (!row || isOver(row)) throw new AppError('CALL_NOT_ACTIVE');
      throw new AppError('SERVICE_UNAVAILABLE', {
        message: 'Nobody has this call in hand right now: try again in a few seconds',
        cause: error,
      });
    }
  };

  const perform: Sessions['perform'] = async ({ id }, message, by) => {
    if (isHangUp(message)) return hangUp(id, message, by);
    const session = sessions.get(id);
    if (!session) return askOwner(id, message, by);
    try {
      await session.perform(message);
    } catch (error) {
      const isTaken = error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE' && !sessions.has(id);
      if (!isTaken) throw error;
      // We stood still for so long that others took the call: they do it.
      await askOwner(id, message, by);
    }
  };

  /** Again and again, counted from start to start; sooner after a failure, because leases run out meanwhile. */
  const repeat = async (everyMs: number, what: string, run: () => Promise<unknown>): Promise<void> => {
    while (!stopping.signal.aborted) {
      const startedAtMs = performance.now();
      let isDone = false;
      try {
        await run();
        isDone = !isBehind;
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ err: error }, `${what} failed; it is tried again`);
      }
      const restMs = everyMs - (performance.now() - startedAtMs);
      const waitMs = isDone ? Math.max(everyMs / 4, restMs) : Math.min(everyMs, RETRY_MS);
      await pause(waitMs * (0.8 + 0.2 * Math.random()), stopping.signal);
    }
  };
  let lookedAtMs = performance.now();
  const look = async () => {
    // First: a call that was lost for hours ended when its time was up.
    await endOverdue();
    const sinceMs = performance.now() - lookedAtMs;
    lookedAtMs += sinceMs;
    // Postgres answered late, or all processes stood still: leases ran out that nobody could renew.
    if (sinceMs > takeOverMs + leaseMs / 3) beQuiet();
    await takeOver();
  };
  const running =
    rounds === 'by hand'
      ? []
      : [
          repeat(leaseMs / 3, 'Renewing the leases of calls', renew),
          repeat(takeOverMs, 'Looking for calls that nobody has in hand', look),
        ];

  return {
    owner,
    get size() {
      return sessions.size;
    },
    canTake: () => isTaking && sessions.size < config.activeMax && driver.isUp(),
    begin(call) {
      // After the end of this process's time another one finds it, once its lease has run out.
      if (!sessions.has(call.id) && !stopping.signal.aborted) hold(call, { kind: 'new' });
    },
    perform,
    renew,
    takeOver,
    endOverdue,
    stopTaking() {
      isTaking = false;
    },
    async close() {
      isTaking = false;
      stopping.abort();
      await Promise.all(running);
      const held = [...sessions.values()];
      await Promise.race([Promise.all(held.map((session) => session.retire())), pause(CLOSE_TIMEOUT_MS)]);
      try {
        const given = giveLeases(leases, { owner, now: clock.now() });
        await withinTime(given, CLOSE_TIMEOUT_MS, () => new Error('Postgres does not answer'));
      } catch (error) {
        log.warn({ err: error }, 'Calls could not be given away; others take them when their leases run out');
      }
      for (const session of held) session.leave('release');
      await Promise.race([Promise.all(held.map((session) => session.settled())), pause(CLOSE_TIMEOUT_MS)]);
    },
  };
};
