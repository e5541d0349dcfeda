export interface SlotLimits {
  /** Most attempts of this process at a time. */
  readonly totalMax: number;
  /** Most attempts at a time to one host: what a target that hangs can hold. */
  readonly perHostMax: number;
}

export interface Slots {
  /** Slots that are free in all. */
  free(): number;
  freeFor(host: string): number;
  /** False when there is none. */
  take(host: string): boolean;
  release(host: string): void;
  used(): number;
  /** Hosts that hold slots, with what they may still take. */
  busy(): readonly { readonly host: string; readonly free: number }[];
}

/** Counts who sends where. An attempt holds its slot until its outcome is in the database. */
export const createSlots = ({ totalMax, perHostMax }: SlotLimits): Slots => {
  const usedBy = new Map<string, number>();
  let used = 0;
  const free = () => totalMax - used;
  const freeFor = (host: string) => Math.min(free(), perHostMax - (usedBy.get(host) ?? 0));
  return {
    free,
    freeFor,
    take(host) {
      if (freeFor(host) <= 0) return false;
      usedBy.set(host, (usedBy.get(host) ?? 0) + 1);
      used += 1;
      return true;
    },
    release(host) {
      const left = (usedBy.get(host) ?? 0) - 1;
      if (left > 0) usedBy.set(host, left);
      else usedBy.delete(host);
      used -= 1;
    },
    used: () => used,
    busy: () => [...usedBy].map(([host, count]) => ({ host, free: Math.max(0, perHostMax - count) })),
  };
};
