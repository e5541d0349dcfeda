import type { Bus, Log } from '@switchboard/bus';
import { AppError, WAIT_SECONDS_MAX } from '@switchboard/contracts';

/** One request that waits for changes of a token. */
export interface Waiter {
  /**
   * Waits for the next change, at most so long. False: it shall wait no more. A change since the last look ends it at once.
   *
   * @throws RATE_LIMIT_EXCEEDED when as many wait of this token as may, SERVICE_UNAVAILABLE when as many do in this process
   */
  next(ms: number): Promise<boolean>;
  close(): void;
}

/** Who waits for changes of a token in this process, and how everybody is told that there are some. */
export interface Feeds {
  /** Says that feeds have more: to whoever waits here, and on every other replica. */
  wake(tokenIds: Iterable<string>): void;
  /** Register before reading, so that what happens in between is not missed. */
  register(tokenId: string): Waiter;
  readonly waiting: number;
  /** Ends all that wait, and lets nobody wait any more. */
  stop(): void;
}

const SUBJECT = 'rt.ticket_changes';
const TOKENS_PER_MESSAGE = 500;

/**
 * Of one token. The next one is refused and told when to come again: an empty answer, to it or to the oldest, would have the
 * six of them ask again at once, and use up in seconds what the token may ask in an hour.
 */
const WAITING_PER_TOKEN_MAX = 5;
const BUSY_SECONDS = 5;

const refusalOf = (code: 'RATE_LIMIT_EXCEEDED' | 'SERVICE_UNAVAILABLE', message: string, seconds: number) =>
  new AppError(code, { message, headers: { 'retry-after': String(seconds) } });

interface Waiting extends Waiter {
  wake(): void;
  end(): void;
}

/** Of one that may not wait. */
const refusedWaiter = (refusal: AppError): Waiter => ({
  next: () => Promise.reject(refusal),
  close() {},
});

const createWaiter = (onClose: () => void): Waiting => {
  let isWoken = false;
  let isEnded = false;
  let resolve: (() => void) | undefined;
  return {
    wake() {
      isWoken = true;
      resolve?.();
    },
    end() {
      isEnded = true;
      resolve?.();
    },
    async next(ms) {
      if (!isWoken && !isEnded) {
        await new Promise<void>((done) => {
          const timer = setTimeout(done, ms);
          resolve = () => {
            clearTimeout(timer);
            done();
          };
        });
        resolve = undefined;
      }
      isWoken = false;
      return !isEnded;
    },
    close: onClose,
  };
};

export interface FeedsOptions {
  readonly bus: Pick<Bus, 'publishNow' | 'listen'>;
  readonly log: Log;
  /** Each holds a connection of the gateway's to this service. */
  readonly waitingMax?: number;
}

/** Well below what a gateway has connections to a service, so that those who wait never keep out those who work. */
const WAITING_MAX = 256;

export const createFeeds = ({ bus, log, waitingMax = WAITING_MAX }: FeedsOptions): Feeds => {
  const byToken = new Map<string, Set<Waiting>>();
  let waiting = 0;
  let isStopped = false;
  /** Said once, until there is room again. */
  let isFull = false;

  const wakeHere = (tokenId: string): void => {
    for (const waiter of byToken.get(tokenId) ?? []) waiter.wake();
  };
  const listening = bus.listen(SUBJECT, ({ payload }) => {
    for (const tokenId of new TextDecoder().decode(payload).split(' ')) wakeHere(tokenId);
  });

  return {
    get waiting() {
      return waiting;
    },
    wake(tokenIds) {
      const ids = [...tokenIds];
      for (let from = 0; from < ids.length; from += TOKENS_PER_MESSAGE) {
        const some = ids.slice(from, from + TOKENS_PER_MESSAGE);
        // Whoever is not told looks by himself a moment later; those here need no broker.
        if (!bus.publishNow(SUBJECT, some.join(' '))) for (const id of some) wakeHere(id);
      }
    },
    register(tokenId) {
      const others = byToken.get(tokenId) ?? new Set();
      if (others.size >= WAITING_PER_TOKEN_MAX) {
        const message = `${WAITING_PER_TOKEN_MAX} requests of this token wait for changes already`;
        return refusedWaiter(refusalOf('RATE_LIMIT_EXCEEDED', message, WAIT_SECONDS_MAX));
      }
      if (waiting >= waitingMax) {
        if (!isFull) log.warn({ waitingMax }, 'too many wait for changes of tickets');
        isFull = true;
        const message = 'Too many wait for changes right now: ask without wait, or again in a moment';
        return refusedWaiter(refusalOf('SERVICE_UNAVAILABLE', message, BUSY_SECONDS));
      }
      byToken.set(tokenId, others);
      const waiter = createWaiter(() => {
        if (!others.delete(waiter)) return;
        waiting -= 1;
        isFull = false;
        if (others.size === 0 && byToken.get(tokenId) === others) byToken.delete(tokenId);
      });
      others.add(waiter);
      waiting += 1;
      if (isStopped) waiter.end();
      return waiter;
    },
    stop() {
      isStopped = true;
      listening.stop();
      for (const waiters of byToken.values()) for (const waiter of waiters) waiter.end();
    },
  };
};
