import type { LoadTarget } from './orders.ts';
import type { Rig } from './rig.ts';

export interface BacklogFigures {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  /** Of dispatcher, Postgres and NATS, from the first request published to the last outcome told. */
  readonly cpuMsEach: number;
}

/** Deliveries from a backlog, each attempt on record: at what pace, and what they cost. */
export const measureBacklog = async (
  rig: Rig,
  targets: readonly LoadTarget[],
  options: { readonly deliveries: number; readonly fanOut?: number },
): Promise<BacklogFigures> => {
  const { deliveries, fanOut = 1 } = options;
  await rig.receivers.reset();
  const atFirst = rig.cpu();
  rig.pause();
  await rig.send({ targets, count: deliveries / fanOut, ratePerSecond: null });
  const before = rig.cpu();
  const startedMs = performance.now();
  rig.resume();
  await rig.receivers.waitForAll(deliveries);
  await rig.untilRecorded();
  const seconds = (performance.now() - startedMs) / 1000;
  await rig.untilTold();
  const after = rig.cpu();
  return {
    perSecond: deliveries / seconds,
    perCpuSecond: deliveries / (after.dispatcher - before.dispatcher),
    cpuMsEach: ((after.all - atFirst.all) * 1000) / deliveries,
  };
};
