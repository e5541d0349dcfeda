import type { Clock } from '@switchboard/contracts';
import type { LaneRoom } from '../deliveries/claim-deliveries.ts';
import type { Lane } from '../deliveries/types.ts';
import type { Lanes } from './lanes.ts';

export interface Backlog {
  /** Deliveries of this lane wait in the database, or may. */
  add(lane: Lane): void;
  has(lane: string): boolean;
  /** Lanes that may have room, as far as nobody looked. */
  ready(): number;
  /** What to claim next, with its slots taken: lanes in turns, at most `limit` deliveries. */
  next(limit: number): readonly LaneRoom[];
  /** What a claim gave, by lane. Slots that were not needed are free again; lanes that got all they had room for may have more. */
  claimed(rooms: readonly LaneRoom[], got: ReadonlyMap<string, number>): void;
  failed(rooms: readonly LaneRoom[]): void;
  /** A slot came free. */
  released(lane: string, owner: string): void;
  /** Time has passed, or shares have changed: whoever waited for it is looked at. */
  recheck(): void;
  /** When the first lane that waits for nothing but time has room; null: none does. */
  nextAtMs(): number | null;
}

/**
 * What this process knows about deliveries that wait in the database: the lanes that surely or possibly have due ones, in
 * the order of their turns. A lane without room is put aside until what it lacks may have come, so that ten thousand
 * of them cost nothing to those that can send.
 */
export const createBacklog = (lanes: Lanes, clock: Clock): Backlog => {
  const waiting = new Map<string, Lane>();
  // A lane goes to the end of it with every turn, so that none starves, whatever their number and names.
  const ready = new Set<string>();
  const byOwner = new Map<string, Set<string>>();
  const asleep = new Map<string, number>();

  const wake = (name: string) => {
    asleep.delete(name);
    if (waiting.has(name)) ready.add(name);
  };
  const putAside = (lane: Lane) => {
    ready.delete(lane.lane);
    const room = lanes.roomOf(lane);
    if (room.lacks === 'time') asleep.set(lane.lane, room.untilMs);
    if (room.lacks !== 'owner') return;
    const ofOwner = byOwner.get(lane.owner) ?? new Set();
    byOwner.set(lane.owner, ofOwner.add(lane.lane));
  };
  const add = (lane: Lane) => {
    if (!waiting.has(lane.lane)) ready.add(lane.lane);
    waiting.set(lane.lane, lane);
  };
  const again = (lane: Lane) => {
    waiting.set(lane.lane, lane);
    ready.add(lane.lane);
  };
  const nextOfOwner = (owner: string) => {
    const ofOwner = byOwner.get(owner);
    const [first] = ofOwner ?? [];
    if (!ofOwner || first === undefined) return;
    ofOwner.delete(first);
    if (ofOwner.size === 0) byOwner.delete(owner);
    wake(first);
  };

  return {
    add,
    has: (lane) => waiting.has(lane),
    ready: () => ready.size,
    next(limit) {
      const rooms: LaneRoom[] = [];
      let left = limit;
      for (const name of ready) {
        if (left <= 0) break;
        const lane = waiting.get(name);
        const free = lane ? Math.min(left, lanes.roomOf(lane).free) : 0;
        if (!lane || free <= 0) {
          if (lane) putAside(lane);
          continue;
        }
        // Forgotten before the look: whatever is stored during it puts the lane back.
        waiting.delete(name);
        ready.delete(name);
        lanes.take(lane, free);
        left -= free;
        rooms.push({ lane, free });
      }
      return rooms;
    },
    claimed(rooms, got) {
      for (const { lane, free } of rooms) {
        const taken = got.get(lane.lane) ?? 0;
        if (taken < free) lanes.giveBack(lane, free - taken);
        else again(lane);
      }
    },
    failed(rooms) {
      for (const { lane, free } of rooms) {
        lanes.giveBack(lane, free);
        again(lane);
      }
    },
    released(lane, owner) {
      wake(lane);
      nextOfOwner(owner);
    },
    recheck() {
      byOwner.clear();
      asleep.clear();
      for (const name of waiting.keys()) ready.add(name);
    },
    nextAtMs() {
      const nowMs = clock.now().getTime();
      let first: number | null = null;
      for (const [name, untilMs] of asleep) {
        if (untilMs <= nowMs) wake(name);
        else if (first === null || untilMs < first) first = untilMs;
      }
      return first;
    },
  };
};
