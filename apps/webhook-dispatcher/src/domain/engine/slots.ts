export interface SlotLimits {
  /** Most attempts of this process at a time. */
  readonly totalMax: number;
  /** Most attempts at a time in one lane: what a target that hangs can hold. */
  readonly perLaneMax: number;
}

export interface Slots {
  /** Slots that are free in all. */
  free(): number;
  freeFor(lane: string): number;
  /** False when there is none. */
  take(lane: string): boolean;
  release(lane: string): void;
  used(): number;
  /** Lanes that hold slots, with what they may still take. */
  busy(): readonly { readonly lane: string; readonly free: number }[];
}

/** Counts who sends where. An attempt holds its slot until its outcome is in the database. */
export const createSlots = ({ totalMax, perLaneMax }: SlotLimits): Slots => {
  const usedBy = new Map<string, number>();
  let used = 0;
  const free = () => totalMax - used;
  const freeFor = (lane: string) => Math.min(free(), perLaneMax - (usedBy.get(lane) ?? 0));
  return {
    free,
    freeFor,
    take(lane) {
      if (freeFor(lane) <= 0) return false;
      usedBy.set(lane, (usedBy.get(lane) ?? 0) + 1);
      used += 1;
      return true;
    },
    release(lane) {
      const left = (usedBy.get(lane) ?? 0) - 1;
      if (left > 0) usedBy.set(lane, left);
      else usedBy.delete(lane);
      used -= 1;
    },
    used: () => used,
    busy: () => [...usedBy].map(([lane, count]) => ({ lane, free: Math.max(0, perLaneMax - count) })),
  };
};
