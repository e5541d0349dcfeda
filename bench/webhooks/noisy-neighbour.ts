import { percentile } from '../support/figures.ts';
import { CONCURRENCY_PER_TARGET, type LoadTarget } from './orders.ts';
import type { Rig } from './rig.ts';

export interface NoisyFigures {
  readonly ratePerSecond: number;
  readonly rounds: number;
  readonly p99Ms: number;
  readonly p99WithHangingMs: number;
  /** The median of the rounds' ratios: what of a change is not the machine's own. */
  readonly ratio: number;
  /** The lowest and the highest of them: how much the machine itself moves. */
  readonly ratios: readonly [number, number];
}

const RATE_PER_SECOND = 300;
const SECONDS = 3;
const ROUNDS = 7;
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
  const measure = async (hangs: boolean): Promise<number> => {
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
    return (await receivers.figures(port)).p99Ms;
  };
  await measure(false);
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const hangs of round % 2 === 0 ? [false, true] : [true, false]) {
      (hangs ? beside : alone).push(await measure(hangs));
    }
  }
  const ratios = alone.map((ms, round) => (beside[round] ?? 0) / ms);
  return {
    ratePerSecond: RATE_PER_SECOND,
    rounds: ROUNDS,
    p99Ms: percentile(alone, 0.5),
    p99WithHangingMs: percentile(beside, 0.5),
    ratio: percentile(ratios, 0.5),
    ratios: [Math.min(...ratios), Math.max(...ratios)],
  };
};
