import { type Bus, backoffMs, pause, type Responder } from '@switchboard/bus';
import {
  type ActionInput,
  AppError,
  type CallMessage,
  callMessageSchema,
  callRpcs,
  callsRealtime,
  errors,
  type IceCandidate,
  realtimeHeaders,
  realtimeSubject,
  toAppError,
} from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import { faultMessage, type Log, toFieldFaults } from '@switchboard/service-kit';
import { mayFollow } from '../calls/accounts.ts';
import { type Change, type ChangeDeps, changeCall, isOver } from '../calls/change-call.ts';
import type { Call, Data } from '../database.ts';
import type { Leg, LegEvent, LegRequest, TelephonyDriver } from '../telephony/driver.ts';
import { createCandidateOrder } from './candidate-order.ts';
import { isReference, keepReference, type Said } from './lease-repository.ts';
import { createSerialQueue } from './serial-queue.ts';
import type { Requester } from './sessions.ts';
import { withinTime } from './within-time.ts';

export interface SessionDeps {
  readonly data: Data;
  readonly bus: Pick<Bus, 'publishNow' | 'respond'>;
  readonly driver: Pick<TelephonyDriver, 'start' | 'resume'>;
  readonly log: Log;
  readonly owner: string;
  /** Does what is asked on `calls.cmd.<callId>`. */
  perform(message: CallMessage, by: Requester): Promise<void>;
  /** Asks the database whose the call is when the lease may have run out, which says `leave` if it is not ours. */
  confirm(session: Session): Promise<void>;
  /** The database failed. */
  onTrouble(error: unknown): void;
  readonly onOver?: ChangeDeps['onOver'];
  /** Nothing more is asked of it. */
  onGone(session: Session): void;
}

/** Where a call comes from: just stored, or from a process that was not heard of. */
export type Origin =
  | { readonly kind: 'new' }
  | { readonly kind: 'lost'; readonly lostAt: Date; readonly said: Said };

export interface Session {
  readonly id: string;
  /** Settles when the end that the leg has told of, if it has, is on record. Throws `DATABASE_ERROR` when that takes long. */
  ending(): Promise<void>;
  /** Does what the leg is needed for, in turn. Throws as `Sessions.perform`. */
  perform(message: CallMessage): Promise<void>;
  /** Writes the end of the call as soon as the database answers: nobody else may be able to. */
  hangUp(at: Date, action: ActionInput | undefined): Promise<void>;
  /** It is ours no more: the leg is hung up (the call is over), or released (others have it). */
  leave(how: 'end' | 'release'): void;
  /** Takes nothing new; gives when what came so far is done. */
  retire(): Promise<void>;
  /** Settles when the leg is let go of. */
  settled(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;
const LEG_TIMEOUT_MS = 10_000;
/** Whoever asked does not wait for longer, and what has not begun by then is not done. */
const COMMAND_TIMEOUT_MS = 4_000;
const WAITING_MAX = 200;
const ACTIONS_MAX = 1_000;
/** Each answer is kept until an hour after the call. */
const OFFERS_MAX = 100;
const RETRY = { firstMs: 100, maxMs: 2_000 };

/** What a telephone exchange can do only once somebody is there; audio may be muted before. */
const needsAnswer: ReadonlySet<ActionInput['action']> = new Set(['hold', 'resume', 'dtmf', 'transfer']);

const endsLater = (): AppError =>
  new AppError('DATABASE_ERROR', { message: 'The call ends as soon as the database answers' });

const tooMany = (what: string, max: number): AppError =>
  new AppError('RATE_LIMIT_EXCEEDED', {
    message: `A call takes at most ${max} ${what}`,
    details: { limit: max },
  });

const isTerminal = (event: LegEvent): boolean => event.type === 'hungUp' || event.type === 'failed';

const changeOf = (event: LegEvent, at: Date): Change => {
  switch (event.type) {
    case 'ringing':
      return { kind: 'ringing', at };
    case 'answered':
      return { kind: 'connected', at };
    case 'answer':
      return { kind: 'answer', sdp: event.sdp, at };
    case 'candidate':
      return { kind: 'candidate', candidate: event.candidate, at };
    case 'hungUp':
      return { kind: 'over', reason: event.cause, at };
    case 'failed':
      return { kind: 'over', reason: event.code, at };
  }
};

/** The last time that something is known to have happened: a call does not end before it. */
const lastKnownAt = (call: Call, lostAt: Date): Date =>
  [call.ringing_at, call.connected_at].reduce<Date>((last, at) => (at && at > last ? at : last), lostAt);

/**
 * Takes a call in hand: starts its leg, or takes it over, writes down what becomes of it, and does what is asked of it,
 * one after another.
 */
export const startSession = (deps: SessionDeps, row: Call, origin: Origin): Session => {
  const { data, bus, driver, log, owner } = deps;
  const { clock } = data;
  const queue = createSerialQueue();
  const candidates = createCandidateOrder();
  const gone = new AbortController();
  let call = row;
  let leg: Leg | null = null;
  let isDeaf = false;
  let isRetired = false;
  let isEnding = false;
  let isEnded = false;
  let actions = origin.kind === 'lost' ? origin.said.actions : 0;
  let offers = origin.kind === 'lost' ? origin.said.answers : 0;
  const isGone = () => gone.signal.aborted;

  const notHere = (): AppError =>
    isEnded
      ? new AppError('CALL_NOT_ACTIVE')
      : new AppError('SERVICE_UNAVAILABLE', { message: 'The call is passing into other hands: try again' });

  const bounded = <Result>(work: Promise<Result>, timeoutMs = LEG_TIMEOUT_MS): Promise<Result> =>
    withinTime(
      work,
      timeoutMs,
      () => new AppError('GATEWAY_TIMEOUT', { message: 'The telephone side did not answer in time' }),
    );

  const leave: Session['leave'] = (how) => {
    if (isGone()) return;
    isEnded = how === 'end';
    gone.abort();
    responder
      .stop()
      .catch((error: unknown) => log.warn({ err: error, callId: call.id }, 'A responder did not stop'));
    deps.onGone(session);
    void queue
      .add(async () => {
        if (leg) await bounded(how === 'end' ? leg.end() : leg.release());
      })
      .catch((error: unknown) => log.warn({ err: error, callId: call.id }, 'A leg could not be let go of'));
  };

  /** Followers look whether they have everything: of what was written by a try whose answer was lost, nobody told them. */
  const tellHowFar = () => {
    bus.publishNow(realtimeSubject(callsRealtime.kind, call.id), '', {
      [realtimeHeaders.sequence]: String(call.last_sequence),
      ...(isOver(call) ? { [realtimeHeaders.final]: '1' } : {}),
    });
  };

  /** Takes the row as it is now, and leaves what is not ours any more. */
  const see = (now: Call) => {
    call = now;
    if (isOver(now)) leave('end');
    else if (now.lease_owner !== owner) leave('release');
  };

  /**
   * A try that failed may have been committed, or still be: only under the lock of the row it is seen whether it was. Nobody
   * but us moves the numbers of a call that is ours.
   */
  const writeOnce = async (change: Change, isRepeated: boolean): Promise<void> => {
    const before = call.last_sequence;
    const options = isRepeated ? { owner, after: before } : { owner };
    const done = await changeCall(deps, call.id, change, options);
    if (!done) return leave('release');
    see(done.call);
    if (!done.changed && done.call.last_sequence !== before) tellHowFar();
  };

  /**
   * Writes what happened, with the time at which it did, however long the database is away; unless the call is not ours
   * any more. Throws what a database refuses for good; but the end of a call is never given up.
   */
  const write = async (change: Change): Promise<void> => {
    for (let failures = 0; !isGone(); ) {
      try {
        return await writeOnce(change, failures > 0);
      } catch (error) {
        deps.onTrouble(error);
        if (!isTransientDatabaseError(error)) {
          log.error(
            { err: error, callId: call.id, change: change.kind },
            'A change of a call could not be written',
          );
          if (change.kind !== 'over') throw error;
        }
        failures += 1;
        await pause(backoffMs(failures, RETRY), gone.signal);
      }
    }
  };

  const request: LegRequest = {
    callId: row.id,
    accountId: row.account_id,
    name: row.name,
    phone: row.phone,
    callType: row.call_type,
    startedAt: row.started_at,
    async keep(reference) {
      for (let failures = 0; !isGone(); ) {
        try {
          if (await keepReference(data.db, { id: row.id, owner, reference })) return;
          break;
        } catch (error) {
          deps.onTrouble(error);
          if (!isTransientDatabaseError(error)) throw error;
          failures += 1;
          await pause(backoffMs(failures, RETRY), gone.signal);
        }
      }
      throw new Error(`Call ${row.id} is over, or in other hands: it must not be dialled`);
    },
    onEvent(event) {
      if (isDeaf || isGone()) return;
      isDeaf = isTerminal(event) || isRetired;
      if (isRetired) return;
      isEnding = isTerminal(event);
      const change = changeOf(event, clock.now());
      queue
        .add(() => write(change))
        .catch((error: unknown) =>
          log.error(
            { err: error, callId: row.id, event: event.type },
            'What happened to a call is not on record',
          ),
        );
    },
  };

  const resume = async ({ lostAt }: Extract<Origin, { kind: 'lost' }>): Promise<Leg | null> => {
    if (row.status === 'ended' || row.status === 'failed') return null;
    const resuming = driver.resume({
      ...request,
      reference: isReference(row.driver_reference) ? row.driver_reference : null,
      status: row.status,
      hasMedia: row.has_media,
      isMuted: row.is_muted,
      isOnHold: row.is_on_hold,
      ringingAt: row.ringing_at,
      connectedAt: row.connected_at,
    });
    try {
      const resumed = await bounded(resuming, START_TIMEOUT_MS);
      if (resumed) return resumed;
    } catch (error) {
      log.warn({ err: error, callId: row.id }, 'A call of another process could not be taken over');
      letGoLater(resuming);
    }
    await write({ kind: 'over', reason: 'service_lost', at: lastKnownAt(row, lostAt) });
    return null;
  };

  const start = async (): Promise<Leg | null> => {
    const starting = driver.start(request);
    try {
      return await bounded(starting, START_TIMEOUT_MS);
    } catch (error) {
      if (!isGone()) log.warn({ err: error, callId: row.id }, 'A call could not be started');
      letGoLater(starting);
      await write({ kind: 'over', reason: 'unreachable', at: clock.now() });
      return null;
    }
  };

  /** A leg that comes when nobody waits for it any more. */
  const letGoLater = (coming: Promise<Leg | null>) => {
    void coming
      .then(
        (late) => late?.end(),
        () => undefined,
      )
      .catch((error: unknown) => log.warn({ err: error, callId: row.id }, 'A leg could not be let go of'));
  };

  const legNow = (): Leg => {
    if (!leg || isGone()) throw notHere();
    return leg;
  };

  const give = async (candidate: IceCandidate) => bounded(legNow().candidate(candidate));

  const offer = async (sdp: string) => {
    if (offers >= OFFERS_MAX) throw tooMany('offers', OFFERS_MAX);
    offers += 1;
    await bounded(legNow().offer(sdp));
    for (const candidate of candidates.offered(sdp)) await give(candidate);
  };

  const act = async (input: ActionInput) => {
    const { action, dtmfDigit, target } = input;
    if (action === 'hangup') return;
    if (needsAnswer.has(action) && call.status !== 'connected') {
      throw new AppError('CALL_NOT_ACTIVE', {
        message: `Nobody has answered yet: ${action} is for calls that are connected`,
        details: { status: call.status },
      });
    }
    if (actions >= ACTIONS_MAX) throw tooMany('actions', ACTIONS_MAX);
    actions += 1;
    const asked =
      action === 'dtmf'
        ? { action, dtmfDigit: dtmfDigit ?? '' }
        : action === 'transfer'
          ? { action, target: target ?? '' }
          : { action };
    try {
      await bounded(legNow().act(asked));
    } catch (error) {
      await write({ kind: 'action', input, status: 'failed', at: clock.now() });
      throw error instanceof AppError
        ? error
        : new AppError('BAD_GATEWAY', { message: `The telephone side refused ${action}`, cause: error });
    }
    await write({ kind: 'action', input, status: 'performed', at: clock.now() });
    // It was done to a leg that is nobody's: the call goes on elsewhere, or is over.
    if (isGone()) throw notHere();
  };

  const handle = async (message: CallMessage): Promise<void> => {
    await deps.confirm(session);
    switch (message.type) {
      case 'media.offer':
        return offer(message.data.sdp);
      case 'media.candidate': {
        const { candidate } = message.data;
        const place = candidates.add(candidate);
        if (place === 'refused')
          throw new AppError('RATE_LIMIT_EXCEEDED', { message: 'Too many candidates' });
        return place === 'due' ? give(candidate) : undefined;
      }
      case 'call.action':
        return act(message.data);
      case 'call.end':
        return undefined;
    }
  };

  /** In turn; not begun when whoever asked has gone, because they may have asked again or not want it any more. */
  const inTurn = (task: () => Promise<void>): Promise<void> => {
    if (isGone() || isRetired) return Promise.reject(notHere());
    if (queue.size >= WAITING_MAX) return Promise.reject(tooMany('messages at once', WAITING_MAX));
    const late = () =>
      new AppError('GATEWAY_TIMEOUT', {
        message: 'The call is busy, or its database is away: its frames tell whether this was done after all',
      });
    const deadlineMs = performance.now() + COMMAND_TIMEOUT_MS;
    const done = queue.add(async () => {
      if (isGone()) throw notHere();
      if (performance.now() >= deadlineMs) throw late();
      await task();
    });
    return withinTime(done, COMMAND_TIMEOUT_MS, late);
  };

  const session: Session = {
    id: row.id,
    ending: () => (isEnding ? withinTime(queue.idle(), COMMAND_TIMEOUT_MS, endsLater) : Promise.resolve()),
    perform: (message) => inTurn(() => handle(message)),
    hangUp(at, action) {
      if (isGone()) return Promise.reject(notHere());
      if (queue.size >= WAITING_MAX) return Promise.reject(tooMany('messages at once', WAITING_MAX));
      const done = queue.add(() =>
        write({ kind: 'over', reason: 'hangup', at, ...(action === undefined ? {} : { action }) }),
      );
      return withinTime(done, COMMAND_TIMEOUT_MS, endsLater);
    },
    leave,
    async retire() {
      isRetired = true;
      await queue.idle();
    },
    settled: () => queue.idle(),
  };

  const responder: Responder = bus.respond(
    callRpcs.command,
    async ({ id, message, principal, connection_id }) => {
      if (id !== row.id || !mayFollow(principal, row)) throw new AppError('CALL_NOT_FOUND');
      const parsed = callMessageSchema.safeParse(message, { error: faultMessage, reportInput: true });
      if (!parsed.success) throw errors.invalidInput(toFieldFaults(parsed.error, 'message'));
      await deps.perform(parsed.data, { principal, connectionId: connection_id }).catch((error: unknown) => {
        throw isTransientDatabaseError(error)
          ? new AppError('DATABASE_ERROR', { cause: error })
          : toAppError(error);
      });
      return {};
    },
    { id: row.id },
  );

  void queue
    .add(async () => {
      if (isGone()) return;
      leg = await (origin.kind === 'lost' ? resume(origin) : start());
    })
    .catch((error: unknown) =>
      log.error({ err: error, callId: row.id }, 'A call could not be taken in hand'),
    );
  return session;
};
