import { ANALYZE_BODY_BYTES_MAX, AppError } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *budget*: how many bytes of large requests are read at a time. *Share*: what one request takes of it.
 * *Owner*: the partner that sends it.
 *
 * A recording of 25 MB passes through memory as wire bytes, text and decoded bytes, about six times its size. Requests
 * over the budget wait before their body is read, so it waits in the sender's socket and not in our memory.
 *
 * One owner never takes all of it: whoever announces much and sends it slowly waits for himself alone.
 */
export interface UploadBudget {
  /**
   * Waits for its turn, first come first served among owners that may take more. SERVICE_UNAVAILABLE when it did not
   * come in time, or when too many of the owner's wait already. Gives the release.
   */
  take(bytes: number, owner: string): Promise<() => void>;
  readonly bytesTaken: number;
  readonly waiting: number;
}

interface Waiter {
  readonly share: number;
  readonly owner: string;
  readonly start: () => void;
}

/** Each one that waits holds a connection of the gateway's to this service, of which all partners share 256. */
const WAITING_PER_OWNER_MAX = 32;

const tooMany = () =>
  new AppError('SERVICE_UNAVAILABLE', {
    message: 'Too many recordings are being received right now. Send it again in a moment.',
    headers: { 'retry-after': '5' },
  });

export const createUploadBudget = (options: {
  readonly bytesMax: number;
  readonly waitSeconds: number;
}): UploadBudget => {
  const { bytesMax } = options;
  // What is left for the others: the largest request there is, where the budget has room for two.
  const bytesPerOwnerMax = Math.max(bytesMax / 2, bytesMax - ANALYZE_BODY_BYTES_MAX);
  let taken = 0;
  const takenBy = new Map<string, number>();
  const queue: Waiter[] = [];

  const ownerHasRoom = (owner: string, share: number): boolean => {
    const own = takenBy.get(owner) ?? 0;
    return own === 0 || own + share <= bytesPerOwnerMax;
  };
  const count = (owner: string, bytes: number): void => {
    taken += bytes;
    const own = (takenBy.get(owner) ?? 0) + bytes;
    if (own > 0) takenBy.set(owner, own);
    else takenBy.delete(owner);
  };
  /** The one whose turn it is, if it fits: nobody is overtaken but by others when its owner has enough. */
  const findNext = (): Waiter | undefined => {
    const next = queue.find(({ owner, share }) => ownerHasRoom(owner, share));
    return next && taken + next.share <= bytesMax ? next : undefined;
  };
  const startWaiting = () => {
    for (let next = findNext(); next; next = findNext()) {
      queue.splice(queue.indexOf(next), 1);
      count(next.owner, next.share);
      next.start();
    }
  };
  const releaseOf = (share: number, owner: string) => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      count(owner, -share);
      startWaiting();
    };
  };

  return {
    get bytesTaken() {
      return taken;
    },
    get waiting() {
      return queue.length;
    },
    take(bytes, owner) {
      const share = Math.min(bytes, bytesMax);
      if (queue.filter((waiter) => waiter.owner === owner).length >= WAITING_PER_OWNER_MAX) {
        return Promise.reject(tooMany());
      }
      const turn = Promise.withResolvers<() => void>();
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(waiter), 1);
        startWaiting();
        turn.reject(tooMany());
      }, options.waitSeconds * 1000);
      const waiter: Waiter = {
        share,
        owner,
        start: () => {
          clearTimeout(timer);
          turn.resolve(releaseOf(share, owner));
        },
      };
      queue.push(waiter);
      startWaiting();
      return turn.promise;
    },
  };
};
