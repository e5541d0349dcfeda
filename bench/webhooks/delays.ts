import type { LoadTarget } from './orders.ts';
import type { Rig } from './rig.ts';

export interface DelayFigures {
  readonly wantedPerSecond: number;
  /** What the load really published each second. */
  readonly offeredPerSecond: number;
  /** What arrived each second, from the first to the last. */
  readonly arrivedPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From publishing a request to the arrival of its first attempt, at a rate that does not wait for the dispatcher. */
export const measureDelays = async (
  rig: Rig,
  targets: readonly LoadTarget[],
  options: { readonly ratePerSecond: number; readonly seconds: number },
): Promise<DelayFigures> => {
  const { ratePerSecond, seconds } = options;
  const count = ratePerSecond * seconds;
  await rig.receivers.reset();
  const sent = await rig.send({ targets, count, ratePerSecond });
  await rig.receivers.waitForAll(count);
  await rig.untilRecorded();
  await rig.untilTold();
  const arrived = await rig.receivers.figures();
  return {
    wantedPerSecond: ratePerSecond,
    offeredPerSecond: count / sent.seconds,
    arrivedPerSecond: count / arrived.seconds,
    p50Ms: arrived.p50Ms,
    p99Ms: arrived.p99Ms,
  };
};
