import type { Wanted } from '../deliveries/claim-deliveries.ts';
import type { Slots } from './slots.ts';

/** Most deliveries of one claim: with bodies of up to 1 MB it must not be all that there are slots for. */
export const CLAIM_MAX = 100;

export interface Backlog {
  /** Deliveries of this host wait in the database. */
  add(host: string): void;
  /** Nobody knows what waits: look at every host. */
  addAll(): void;
  has(host: string): boolean;
  /** True when anything may wait. */
  waits(): boolean;
  /** True when something may wait that there is a slot for. */
  canClaim(slots: Slots): boolean;
  /** What to claim next; null when nothing can be. */
  next(slots: Slots): Wanted | null;
  /** What a claim gave: hosts that got all they had room for may have more. */
  claimed(wanted: Wanted, hosts: readonly string[]): void;
  failed(wanted: Wanted): void;
}

/**
 * What this process knows about deliveries that wait in the database: hosts that surely or possibly have due ones.
 * With it a slot that comes free is filled by looking at one host, and the walk over all hosts is left to the poll.
 */
export const createBacklog = (perHostMax: number): Backlog => {
  const hosts = new Set<string>();
  let everything = false;
  // Where the walk over all hosts goes on when there were not enough slots, so that the last in the alphabet get theirs.
  let afterHost = '';

  const rooms = (slots: Slots) => {
    const found: { host: string; free: number }[] = [];
    for (const host of hosts) {
      const free = slots.freeFor(host);
      if (free > 0) found.push({ host, free });
    }
    return found;
  };

  const afterHosts = (wanted: Extract<Wanted, { kind: 'hosts' }>, got: readonly string[]) => {
    const count = Map.groupBy(got, (host) => host);
    for (const { host, free } of wanted.hosts) {
      const taken = count.get(host)?.length ?? 0;
      if (taken >= free || got.length >= wanted.limit) hosts.add(host);
    }
  };

  const afterWalk = (wanted: Extract<Wanted, { kind: 'any' }>, got: readonly string[]) => {
    const room = new Map(wanted.busy.map((one) => [one.host, one.free]));
    for (const one of wanted.busy) if (one.free === 0) hosts.add(one.host);
    for (const [host, taken] of Map.groupBy(got, (name) => name)) {
      if (taken.length >= (room.get(host) ?? perHostMax)) hosts.add(host);
    }
    if (got.length >= wanted.limit) {
      afterHost = got.toSorted().at(-1) ?? '';
      everything = true;
    } else {
      // Begun in the middle: what comes before it is still to be looked at.
      if (afterHost !== '') everything = true;
      afterHost = '';
    }
  };

  return {
    add: (host) => void hosts.add(host),
    addAll: () => {
      everything = true;
    },
    has: (host) => hosts.has(host),
    waits: () => everything || hosts.size > 0,
    canClaim: (slots) => slots.free() > 0 && (everything || rooms(slots).length > 0),
    next(slots) {
      const limit = Math.min(CLAIM_MAX, slots.free());
      if (limit <= 0) return null;
      if (everything) {
        everything = false;
        return { kind: 'any', afterHost, perHost: perHostMax, busy: slots.busy(), limit };
      }
      const wanted = rooms(slots).slice(0, limit);
      if (wanted.length === 0) return null;
      // Forgotten before the look: whatever is stored during it puts the host back.
      for (const { host } of wanted) hosts.delete(host);
      return { kind: 'hosts', hosts: wanted, limit };
    },
    claimed(wanted, got) {
      if (wanted.kind === 'hosts') afterHosts(wanted, got);
      if (wanted.kind === 'any') afterWalk(wanted, got);
    },
    failed(wanted) {
      if (wanted.kind === 'hosts') for (const { host } of wanted.hosts) hosts.add(host);
      else everything = true;
    },
  };
};
