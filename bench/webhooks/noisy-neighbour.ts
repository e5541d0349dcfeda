import { percentile } from '../support/figures.ts';
import { CONCURRENCY_PER_TARGET, type LoadTarget } from './orders.ts';
import type { Rig } from './rig.ts';

interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface NoisyFigures {
  readonly ratePerSecond: number;
  readonly rounds: number;
  /** Of all messages of all rounds. */
  readonly alone: Delays;
  readonly besideHanging: Delays;
  /** The lowest and the highest p99 of a round, either way: how much the machine itself moves. */
  readonly p99MsOfRounds: { readonly alone: readonly number[]; readonly besideHanging: readonly number[] };
}

const RATE_PER_SECOND = 300;
const SECONDS = 4;
const ROUNDS = 8;
/** More than there are slots for: when it hangs, it holds all it can, and a line stands behind it. */
const WAITING_FOR_HANGING = 100;

/**
 * What the others notice of one target that takes connections and never answers. Rounds with and without it alternate, and
 * the second begins first every other time, so that what the machine does meanwhile hits both alike.
 */
export const measureNoisyNeighbour = async (
  rig: Rig,
  targets: readonly LoadTarget[],
): Promise<NoisyFigures> => {
  const { receivers } = rig;
  const [hanging] = targets;
  const [port = 0] = receivers.ports;
  if (!hanging) throw new RangeError('there is no target');
  const count = RATE_PER_SECOND * SECONDS;
  const measure = async (hangs: boolean): Promise<readonly number[]> => {
    await receivers.reset();
    if (hangs) await receivers.hang(port);
    await rig.send({ targets: [hanging], count: WAITING_FOR_HANGING, ratePerSecond: null });
    // Either way nothing of these is left to do when the others are measured.
    if (hangs) await rig.untilPending(WAITING_FOR_HANGING);
    else await receivers.waitForAll(WAITING_FOR_HANGING);
    await (hangs ? receivers.waitForAll(CONCURRENCY_PER_TARGET) : rig.untilRecorded());
    await rig.untilTold();
    await rig.send({ targets, count, ratePerSecond: RATE_PER_SECOND });
    if (hangs) await receivers.release(port);
    await receivers.waitForAll(WAITING_FOR_HANGING + count);
    await rig.untilRecorded();
    await rig.untilTold();
    return receivers.delays(port);
  };
  await measure(false);
  const alone: (readonly number[])[] = [];
  const beside: (readonly number[])[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const hangs of round % 2 === 0 ? [false, true] : [true, false]) {
      (hangs ? beside : alone).push(await measure(hangs));
    }
  }
  const delaysOf = (rounds: readonly (readonly number[])[]): Delays => ({
    p50Ms: percentile(rounds.flat(), 0.5),
    p99Ms: percentile(rounds.flat(), 0.99),
  });
  const extremes = (rounds: readonly (readonly number[])[]) => {
    const each = rounds.map((delays) => percentile(delays, 0.99));
    return [Math.min(...each), Math.max(...each)];
  };
  return {
    ratePerSecond: RATE_PER_SECOND,
    rounds: ROUNDS,
    alone: delaysOf(alone),
    besideHanging: delaysOf(beside),
    p99MsOfRounds: { alone: extremes(alone), besideHanging: extremes(beside) },
  };
};
