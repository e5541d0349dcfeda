import type { Follower } from './follower.ts';

const PING_SECONDS = 30;
const DEAD_SECONDS = 60;
const SLOTS = 60;
const SLOT_MS = (PING_SECONDS * 1000) / SLOTS;

/**
 * Pings every follower every 30 s and drops whoever gave no sign for 60 s. Followers lie in slots of half a second each,
 * so that one timer serves all of them and never has all of them to do at once.
 */
export const createHeartbeat = (nowMs: number, dropDead: (follower: Follower) => void) => {
  const slots = Array.from({ length: SLOTS }, () => new Set<Follower>());
  const slotOf = new Map<Follower, Set<Follower>>();
  let done = Math.floor(nowMs / SLOT_MS);
  let next = 0;
  let tickedMs = nowMs;

  const beat = (follower: Follower, nowMs: number): void => {
    // What is not read says nothing: we do not read whoever waits for the answers to its commands.
    if (follower.socket.isPaused) follower.heardMs = nowMs;
    if (nowMs - follower.heardMs >= DEAD_SECONDS * 1000) dropDead(follower);
    else follower.socket.ping();
  };

  return {
    add(follower: Follower): void {
      next = (next + 1) % SLOTS;
      const slot = slots[next];
      if (!slot) return;
      slot.add(follower);
      slotOf.set(follower, slot);
    },
    remove(follower: Follower): void {
      slotOf.get(follower)?.delete(follower);
      slotOf.delete(follower);
    },
    tick(nowMs: number): void {
      const passedMs = nowMs - tickedMs;
      tickedMs = nowMs;
      // The clock was set, or this process stood still: whatever peers said meanwhile is still to be read.
      if (passedMs < 0 || passedMs > PING_SECONDS * 1000) {
        for (const follower of slotOf.keys()) follower.heardMs += passedMs;
      }
      const now = Math.floor(nowMs / SLOT_MS);
      // After a clock that jumped, everybody once.
      for (let slot = Math.max(done + 1, now - SLOTS + 1); slot <= now; slot += 1) {
        for (const follower of slots[slot % SLOTS] ?? []) beat(follower, nowMs);
      }
      done = now;
    },
  };
};
