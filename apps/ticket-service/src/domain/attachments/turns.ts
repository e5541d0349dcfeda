import { setImmediate } from 'node:timers/promises';

/** Long enough to get on, and short beside whatever else the process has to answer. */
const TURN_MS = 2;

/**
 * For loops of many small steps that keep the event loop to themselves: await it after each step. Others have their turn whenever
 * this one took two milliseconds; in between it costs next to nothing.
 */
export const createTurns = (): (() => Promise<unknown> | undefined) => {
  let startedMs = performance.now();
  const giveWay = async () => {
    await setImmediate();
    startedMs = performance.now();
  };
  return () => (performance.now() - startedMs < TURN_MS ? undefined : giveWay());
};
