import type { RealtimeConfig } from './config.ts';
import type { Follower } from './follower.ts';

const SEND_OPTIONS = { binary: false, compress: false } as const;
/** A follower that catches up is given this much at a time; the rest is asked for again when it was read. */
const CATCH_UP_BYTES = 64 * 1024;
/** Whoever reads less than that in this time while it catches up is too slow. */
const DRAIN_SECONDS = 30;

export interface OutboxDeps {
  readonly config: RealtimeConfig;
  readonly dropSlow: (follower: Follower) => void;
  readonly countFrames: (by: number) => void;
}

/**
 * Sends to followers and never lets memory grow with one who does not read: what is unread of a single one is bounded,
 * and so is what is unread of all. The bytes of a frame are the same for all who get it.
 */
export const createOutbox = ({ config, dropSlow, countFrames }: OutboxDeps) => {
  /** Those with something unread when they were last looked at. */
  const congested = new Set<Follower>();
  const draining = new Map<Follower, { readonly untilMs: number; readonly resolve: () => void }>();
  let totalBytes = 0;

  const look = (follower: Follower): number => {
    const bytes = follower.state === 'over' ? 0 : follower.socket.bufferedAmount;
    totalBytes += bytes - follower.bufferedBytes;
    follower.bufferedBytes = bytes;
    if (bytes > 0) congested.add(follower);
    else congested.delete(follower);
    return bytes;
  };

  const lookAtAll = (): void => {
    for (const follower of congested) look(follower);
  };

  const makeRoom = (): void => {
    lookAtAll();
    if (totalBytes <= config.bufferBytesMax) return;
    const slowest = [...congested].sort((a, b) => b.bufferedBytes - a.bufferedBytes);
    for (const follower of slowest) {
      if (totalBytes <= config.bufferBytesMax) return;
      dropSlow(follower);
    }
  };

  const flushed = (follower: Follower): void => {
    const waiting = draining.get(follower);
    if (!waiting || (follower.state !== 'over' && follower.socket.bufferedAmount > 0)) return;
    draining.delete(follower);
    waiting.resolve();
  };

  return {
    get totalBytes() {
      return totalBytes;
    },
    /** @param onSent called when the system took it, or never will */
    send(follower: Follower, message: Buffer | string, onSent?: () => void): void {
      follower.socket.send(message, SEND_OPTIONS, onSent);
      countFrames(1);
      const bytes = follower.socket.bufferedAmount;
      // Nearly always: the system took it all.
      if (bytes === 0 && follower.bufferedBytes === 0) return;
      look(follower);
      if (bytes > config.socketBufferBytesMax) dropSlow(follower);
      else if (totalBytes > config.bufferBytesMax) makeRoom();
    },
    isFull: ({ socket }: Follower): boolean => socket.bufferedAmount > CATCH_UP_BYTES,
    flushed,
    /** Resolves when all was read (see `flushed`), or when the follower is over. Whoever takes too long is dropped. */
    async drained(follower: Follower, nowMs: number): Promise<void> {
      if (follower.state === 'over' || follower.socket.bufferedAmount === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      draining.set(follower, { untilMs: nowMs + DRAIN_SECONDS * 1000, resolve });
      await promise;
    },
    tick(nowMs: number): void {
      lookAtAll();
      for (const [follower, { untilMs }] of draining) {
        if (nowMs >= untilMs) dropSlow(follower);
        flushed(follower);
      }
    },
    /** It is over: nothing of it counts any more. */
    forget(follower: Follower): void {
      look(follower);
      flushed(follower);
    },
  };
};
export type Outbox = ReturnType<typeof createOutbox>;
