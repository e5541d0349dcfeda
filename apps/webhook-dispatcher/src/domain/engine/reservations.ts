import type { Lane, Reserve } from '../deliveries/types.ts';
import type { Engine } from './engine.ts';

export interface Reservations {
  /** A transaction begins, or begins anew: what the last one took and did not keep is given back. */
  begin(): Reserve;
  /** It was committed: the slots belong to deliveries that are begun now. */
  keep(): void;
  giveBack(): void;
}

/** Slots taken within a transaction that may not come to its end. One transaction at a time. */
export const reserveFor = (engine: Pick<Engine, 'reserve' | 'giveBack'>): Reservations => {
  let taken: Lane[] = [];
  const giveBack = () => {
    for (const lane of taken.splice(0)) engine.giveBack(lane);
  };
  return {
    begin() {
      giveBack();
      return (lane) => {
        const lease = engine.reserve(lane);
        if (lease) taken.push(lane);
        return lease;
      };
    },
    keep: () => {
      taken = [];
    },
    giveBack,
  };
};
