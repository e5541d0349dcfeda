import { AppError, BODY_BYTES_MAX_DEFAULT, type Principal, type RouteContract } from '@switchboard/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { endWhenTooSlow, UPLOAD_SPEED, type UploadSpeed } from './upload-speed.ts';

/**
 * TERMINOLOGY — *budget*: how many bytes of large requests are read at a time. *Share*: what one request takes of it.
 * *Owner*: whoever sends it.
 *
 * A file passes through memory as wire bytes, as a body and as what is made of it: several times its size. Requests over
 * the budget wait before their body is read, so it waits in the sender's socket and not in our memory.
 *
 * One owner never takes all of it: whoever announces much and sends it slowly waits for himself alone. Whoever has his share
 * and does not use it loses it (upload-speed.ts).
 */
export interface UploadBudget {
  /**
   * Waits for its turn: first come first served among owners that may take more, but for those that are small enough for
   * what is left. SERVICE_UNAVAILABLE when it did not come in time, or when too many of the owner's wait already. Gives the
   * release.
   */
  take(bytes: number, owner: string): Promise<() => void>;
  readonly bytesTaken: number;
  readonly waiting: number;
}

interface Waiter {
  readonly share: number;
  readonly owner: string;
  /** How much more may come before it that came after it. */
  passableBytes: number;
  readonly start: () => void;
}

/** Each one that waits holds a connection of the gateway's to this service, of which all share 256. */
const WAITING_PER_OWNER_MAX = 32;

export interface UploadBudgetOptions {
  readonly bytesMax: number;
  readonly waitSeconds: number;
  /** The largest that a route takes. */
  readonly requestBytesMax: number;
  /** What is uploaded, as its senders call it: `recordings`. */
  readonly what: string;
}

export const createUploadBudget = (options: UploadBudgetOptions): UploadBudget => {
  const { bytesMax } = options;
  const tooMany = () =>
    new AppError('SERVICE_UNAVAILABLE', {
      message: `Too many ${options.what} are being received right now. Send it again in a moment.`,
      headers: { 'retry-after': '5' },
    });
  // What is left for the others: the largest request there is, where the budget has room for two.
  const bytesPerOwnerMax = Math.max(bytesMax / 2, bytesMax - options.requestBytesMax);
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
  const fits = ({ owner, share }: Waiter): boolean => ownerHasRoom(owner, share) && taken + share <= bytesMax;
  /** Who came before it and would wait longer because of it. Whoever waits for room of another owner does not. */
  const passedBy = (waiter: Waiter): readonly Waiter[] =>
    queue
      .slice(0, queue.indexOf(waiter))
      .filter(({ owner, share }) => owner === waiter.owner || ownerHasRoom(owner, share));
  /**
   * The first one that fits. A large one that does not is passed by as many bytes as it is large itself, and then by nobody:
   * counted in bytes and not in seconds, thousands of small ones pass it, and still it waits no longer than if one more of
   * its size had been there before it.
   */
  const findNext = (): Waiter | undefined =>
    queue.find(
      (waiter) =>
        fits(waiter) && passedBy(waiter).every(({ passableBytes }) => waiter.share <= passableBytes),
    );
  const startWaiting = () => {
    for (let next = findNext(); next; next = findNext()) {
      for (const passed of passedBy(next)) passed.passableBytes -= next.share;
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
        passableBytes: share,
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

/** How much of the budget a request may take: what it says it sends, else the most it may send. */
const announcedBytes = ({ headers }: FastifyRequest, bytesMax: number): number => {
  const announced = Number(headers['content-length'] ?? bytesMax);
  return Number.isFinite(announced) ? Math.min(announced, bytesMax) : bytesMax;
};

/**
 * Has requests of a route wait for their share before their body is read; it is given back when the request is over in
 * whatever way, and when its body comes too slowly: that is INVALID_INPUT, as a form that ends early is.
 *
 * @param app where the route is implemented
 */
export const waitForBudget = (
  app: FastifyInstance,
  route: RouteContract,
  budget: UploadBudget,
  ownerOf: (principal: Principal) => string,
  speed: UploadSpeed = UPLOAD_SPEED,
): void => {
  app.addHook('preParsing', async (request, reply) => {
    if (request.routeOptions.config.contract?.id !== route.id || !request.principal) return;
    const share = announcedBytes(request, route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT);
    const release = await budget.take(share, ownerOf(request.principal));
    if (reply.raw.closed || reply.raw.destroyed) {
      release();
      return;
    }
    const stopLooking = endWhenTooSlow(request.raw, speed, release);
    reply.raw.once('close', () => {
      stopLooking();
      release();
    });
  });
};
