import { AppError } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *turn*: leave to search. *Owner*: whoever searches, a token or a user.
 *
 * A search keeps a connection of the pool and a processor of Postgres busy for as long as a hundred other requests: twenty of
 * one owner at once, and everybody waits for seconds.
 */
export interface SearchTurns {
  /**
   * Does the work when it is the owner's turn, in the order in which they came. Null: whoever asked was gone by then, and it was not
   * done.
   *
   * @param signal aborted when nobody waits for it any more
   * @throws RATE_LIMIT_EXCEEDED when as many of the owner's wait as may
   */
  run<Result>(owner: string, work: () => Promise<Result>, signal: AbortSignal): Promise<Result | null>;
  /** Of all owners. */
  readonly waiting: number;
}

/** Of one owner, in this process. */
const AT_ONCE_MAX = 2;
const WAITING_MAX = 20;
const RETRY_AFTER_SECONDS = 1;

const tooMany = (): AppError =>
  new AppError('RATE_LIMIT_EXCEEDED', {
    message: `${AT_ONCE_MAX} searches of yours run at once, and ${WAITING_MAX} more wait for their turn already: send it again when some are answered`,
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  });

/** What one owner has here; nothing is kept of one that has nothing here. */
interface Line {
  running: number;
  readonly waiting: Set<() => void>;
}

export const createSearchTurns = (): SearchTurns => {
  const lines = new Map<string, Line>();

  /** True when it is the turn; false when the caller was gone before. */
  const wait = ({ waiting }: Line, signal: AbortSignal): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const start = () => {
      signal.removeEventListener('abort', leave);
      resolve(true);
    };
    const leave = () => {
      waiting.delete(start);
      resolve(false);
    };
    signal.addEventListener('abort', leave, { once: true });
    waiting.add(start);
    return promise;
  };
  const end = (owner: string, line: Line): void => {
    const [next] = line.waiting;
    if (next) {
      // The turn goes over to it: nobody who comes meanwhile is before it.
      line.waiting.delete(next);
      next();
      return;
    }
    line.running -= 1;
    if (line.running === 0) lines.delete(owner);
  };

  return {
    get waiting() {
      return lines.values().reduce((sum, line) => sum + line.waiting.size, 0);
    },
    async run(owner, work, signal) {
      if (signal.aborted) return null;
      const line = lines.get(owner) ?? { running: 0, waiting: new Set() };
      lines.set(owner, line);
      if (line.running < AT_ONCE_MAX) line.running += 1;
      else if (line.waiting.size >= WAITING_MAX) throw tooMany();
      else if (!(await wait(line, signal))) return null;
      try {
        return await work();
      } finally {
        end(owner, line);
      }
    },
  };
};
