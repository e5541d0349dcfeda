import { AppError } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *budget*: how many bytes of large requests are read at a time. *Share*: what one request takes of it.
 *
 * A recording of 25 MB passes through memory as wire bytes, text and decoded bytes, about six times its size. Requests
 * over the budget wait before their body is read, so it waits in the sender's socket and not in our memory.
 */
export interface UploadBudget {
  /** Waits for its turn, first come first served. SERVICE_UNAVAILABLE when it did not come in time. Gives the release. */
  take(bytes: number): Promise<() => void>;
  readonly bytesTaken: number;
  readonly waiting: number;
}

interface Waiter {
  readonly share: number;
  readonly start: () => void;
}

export const createUploadBudget = (options: {
  readonly bytesMax: number;
  readonly waitSeconds: number;
}): UploadBudget => {
  let taken = 0;
  const queue: Waiter[] = [];

  const startWaiting = () => {
    for (let next = queue[0]; next && taken + next.share <= options.bytesMax; next = queue[0]) {
      queue.shift();
      taken += next.share;
      next.start();
    }
  };
  const releaseOf = (share: number) => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      taken -= share;
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
    take(bytes) {
      const share = Math.min(bytes, options.bytesMax);
      if (queue.length === 0 && taken + share <= options.bytesMax) {
        taken += share;
        return Promise.resolve(releaseOf(share));
      }
      const turn = Promise.withResolvers<() => void>();
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(waiter), 1);
        startWaiting();
        turn.reject(
          new AppError('SERVICE_UNAVAILABLE', {
            message: 'Too many recordings are being received right now. Send it again in a moment.',
            headers: { 'retry-after': '5' },
          }),
        );
      }, options.waitSeconds * 1000);
      const waiter: Waiter = {
        share,
        start: () => {
          clearTimeout(timer);
          turn.resolve(releaseOf(share));
        },
      };
      queue.push(waiter);
      return turn.promise;
    },
  };
};
