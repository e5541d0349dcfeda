import type { Wanted } from '../deliveries/claim-deliveries.ts';
import type { Slots } from './slots.ts';

/** Most deliveries of one claim: with bodies of up to 1 MB it must not be all that there are slots for. */
export const CLAIM_MAX = 100;

export interface Backlog {
  /** Deliveries of this lane wait in the database. */
  add(lane: string): void;
  /** Nobody knows what waits: look at every lane. */
  addAll(): void;
  has(lane: string): boolean;
  /** True when anything may wait. */
  waits(): boolean;
  /** True when something may wait that there is a slot for. */
  canClaim(slots: Slots): boolean;
  /** What to claim next; null when nothing can be. */
  next(slots: Slots): Wanted | null;
  /** What a claim gave: lanes that got all they had room for may have more. */
  claimed(wanted: Wanted, hosts: readonly string[]): void;
  failed(wanted: Wanted): void;
}

/**
 * What this process knows about deliveries that wait in the database: lanes that surely or possibly have due ones.
 * With it a slot that comes free is filled by looking at one lane, and the walk over all lanes is left to the poll.
 */
export const createBacklog = (perLaneMax: number): Backlog => {
  const lanes = new Set<string>();
  let everything = false;
  // Where the walk over all lanes goes on when there were not enough slots, so that the last in the alphabet get theirs.
  let afterLane = '';

  const rooms = (slots: Slots) => {
    const found: { lane: string; free: number }[] = [];
    for (const lane of lanes) {
      const free = slots.freeFor(lane);
      if (free > 0) found.push({ lane, free });
    }
    return found;
  };

  const afterLanes = (wanted: Extract<Wanted, { kind: 'lanes' }>, got: readonly string[]) => {
    const count = Map.groupBy(got, (lane) => lane);
    for (const { lane, free } of wanted.lanes) {
      const taken = count.get(lane)?.length ?? 0;
      if (taken >= free || got.length >= wanted.limit) lanes.add(lane);
    }
  };

  const afterWalk = (wanted: Extract<Wanted, { kind: 'any' }>, got: readonly string[]) => {
    const room = new Map(wanted.busy.map((one) => [one.lane, one.free]));
    for (const one of wanted.busy) if (one.free === 0) lanes.add(one.lane);
    for (const [lane, taken] of Map.groupBy(got, (name) => name)) {
      if (taken.length >= (room.get(lane) ?? perLaneMax)) lanes.add(lane);
    }
    if (got.length >= wanted.limit) {
      afterLane = got.toSorted().at(-1) ?? '';
      everything = true;
    } else {
      // Begun in the middle: what comes before it is still to be looked at.
      if (afterLane !== '') everything = true;
      afterLane = '';
    }
  };

  return {
    add: (lane) => void lanes.add(lane),
    addAll: () => {
      everything = true;
    },
    has: (lane) => lanes.has(lane),
    waits: () => everything || lanes.size > 0,
    canClaim: (slots) => slots.free() > 0 && (everything || rooms(slots).length > 0),
    next(slots) {
      const limit = Math.min(CLAIM_MAX, slots.free());
      if (limit <= 0) return null;
      if (everything) {
        everything = false;
        return { kind: 'any', afterLane, perLane: perLaneMax, busy: slots.busy(), limit };
      }
      const wanted = rooms(slots).slice(0, limit);
      if (wanted.length === 0) return null;
      // Forgotten before the look: whatever is stored during it puts the lane back.
      for (const { lane } of wanted) lanes.delete(lane);
      return { kind: 'lanes', lanes: wanted, limit };
    },
    claimed(wanted, got) {
      if (wanted.kind === 'lanes') afterLanes(wanted, got);
      if (wanted.kind === 'any') afterWalk(wanted, got);
    },
    failed(wanted) {
      if (wanted.kind === 'lanes') for (const { lane } of wanted.lanes) lanes.add(lane);
      else everything = true;
    },
  };
};
