import type { HealthStatus, ServiceName } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { Client, type Dispatcher, Pool, errors as undiciErrors } from 'undici';
import type { CallerWatch } from './caller-watch.ts';

/**
 * TERMINOLOGY — *upstream*: a service behind the gateway. *Away*: nothing listens there. *Held*: a request that waits
 * in the gateway, its body unread, until the upstream takes requests again.
 */
export interface Upstream {
  readonly service: ServiceName;
  readonly health: HealthStatus;
  /** False while it starts, drains or is away: a request sent now would fail, or wait behind one that does. */
  readonly takesRequests: boolean;
  readonly held: number;
  /**
   * Waits until it takes requests. False when the time is up, the caller is gone, too many wait already, or the upstream
   * has been away so long that this is no restart.
   */
  hold(untilMs: number, caller: CallerWatch): Promise<boolean>;
  /**
   * A request could not be answered: looks at once. Until then the upstream counts as away if nothing could be sent to it; a
   * connection that broke may be about that one request, and must not hold up everybody else's.
   */
  noteFailure(kind: 'not-sent' | 'broken'): void;
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
  close(): Promise<void>;
}

export interface UpstreamOptions {
  readonly service: ServiceName;
  readonly url: string;
  readonly connectionsMax: number;
  readonly waitingMax: number;
  readonly log: Log;
}

type State = 'unknown' | 'ready' | 'unready' | 'starting' | 'draining' | 'away';

const CONNECT_TIMEOUT_MS = 2_000;
const PROBE_TIMEOUT_MS = 1_000;
/** So many probes in a row without an answer, and the service is taken for away. */
const SLOW_PROBES_MAX = 3;
/** While all is well. A service that drains goes on answering for 2 s, so it is left alone long before it closes. */
const PROBE_PAUSE_MS = 300;
/** While requests are held: what a restart costs them above the restart itself. */
const PROBE_PAUSE_HELD_MS = 50;
/** Longer than any restart: from then on requests are refused at once instead of held. */
const AWAY_FOR_GOOD_MS = 30_000;
/** Idle connections are dropped before a service that drains (2 s) cuts them: no request is ever sent into a closing one. */
const KEEP_ALIVE_MS = 1_000;

const HEALTH: Readonly<Record<State, HealthStatus>> = {
  unknown: 'down',
  ready: 'ok',
  unready: 'degraded',
  starting: 'degraded',
  draining: 'degraded',
  away: 'down',
};

const HELD_STATES: ReadonlySet<State> = new Set(['starting', 'draining', 'away']);

const stateOf = (status: number, body: unknown): State => {
  if (status === 200) return 'ready';
  const said = typeof body === 'object' && body !== null && 'status' in body ? body.status : undefined;
  // "unready" is a dependency of the service: it still answers for itself, in better words than ours.
  return said === 'draining' || said === 'starting' ? said : 'unready';
};

/** A pool of connections to one service, and an eye on its `/readyz`. */
export const createUpstream = (options: UpstreamOptions): Upstream => {
  const { service, log, waitingMax } = options;
  const { origin } = new URL(options.url);
  const pool = new Pool(origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
  // A connection of its own: a full pool must not make a healthy service look dead.
  const prober = new Client(origin, {
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: { timeout: PROBE_TIMEOUT_MS },
    headersTimeout: PROBE_TIMEOUT_MS,
    bodyTimeout: PROBE_TIMEOUT_MS,
  });
  const waiting = new Set<() => void>();
  let state: State = 'unknown';
  let sinceMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let probing = false;
  let slowProbes = 0;
  let closed = false;

  const enter = (next: State): void => {
    if (next === state) return;
    const words = {
      upstream: service,
      from: state,
      to: next,
      forMs: Math.round(performance.now() - sinceMs),
    };
    if (next === 'ready') log.info(words, 'a service takes requests');
    // Services that are started together are not all there at the first look.
    else if (state === 'unknown') log.info(words, 'a service is not there yet');
    else log.warn(words, 'a service does not take requests as usual');
    state = next;
    sinceMs = performance.now();
    if (HELD_STATES.has(state)) return;
    for (const wake of waiting) wake();
  };

  const schedule = (delayMs: number): void => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(probe, delayMs).unref();
  };

  const probe = async (): Promise<void> => {
    if (probing || closed) return;
    probing = true;
    try {
      const { statusCode, body } = await prober.request({ path: '/readyz', method: 'GET' });
      enter(stateOf(statusCode, await body.json().catch(() => null)));
      slowProbes = 0;
    } catch (error) {
      // Nobody listens, or the connection broke: away. No answer in time may be a busy moment of a service that works.
      const isSlow =
        error instanceof undiciErrors.HeadersTimeoutError || error instanceof undiciErrors.BodyTimeoutError;
      slowProbes = isSlow ? slowProbes + 1 : 0;
      if (!closed && (!isSlow || slowProbes >= SLOW_PROBES_MAX)) enter('away');
    } finally {
      probing = false;
      schedule(state === 'ready' || state === 'unready' ? PROBE_PAUSE_MS : PROBE_PAUSE_HELD_MS);
    }
  };
  void probe();

  return {
    service,
    get health() {
      return HEALTH[state];
    },
    get takesRequests() {
      return !HELD_STATES.has(state);
    },
    get held() {
      return waiting.size;
    },
    hold(untilMs, caller) {
      const nowMs = performance.now();
      const goneForGood = state === 'away' && nowMs - sinceMs > AWAY_FOR_GOOD_MS;
      if (goneForGood || nowMs >= untilMs || waiting.size >= waitingMax || caller.gone || closed) {
        return Promise.resolve(false);
      }
      return new Promise((resolve) => {
        const end = (taken: boolean) => {
          waiting.delete(wake);
          clearTimeout(deadline);
          resolve(taken);
        };
        const wake = () => end(!closed);
        const giveUp = () => end(false);
        const deadline = setTimeout(giveUp, untilMs - nowMs);
        caller.onGone(giveUp);
        waiting.add(wake);
      });
    },
    noteFailure(kind) {
      // Not ready until it says so itself: whoever comes now is held instead of failing the same way.
      if (kind === 'not-sent' && !HELD_STATES.has(state)) enter('away');
      schedule(0);
    },
    dispatch: (dispatchOptions, handler) => void pool.dispatch(dispatchOptions, handler),
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const wake of waiting) wake();
      await Promise.all([pool.destroy(), prober.destroy()]);
    },
  };
};
