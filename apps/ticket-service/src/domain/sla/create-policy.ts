import type { Calendar, SlaPolicy } from './policy.ts';

/** Clocks that never stand still by themselves. */
const alwaysOpen: Calendar = {
  add: (from, ms) => new Date(from.getTime() + ms),
  between: (from, to) => Math.max(0, to.getTime() - from.getTime()),
};

const minutes = (firstResponse: number, resolution: number) => ({
  firstResponseMs: firstResponse * 60_000,
  resolutionMs: resolution * 60_000,
});

export const createPolicy = (): SlaPolicy => ({
  calendar: alwaysOpen,
  targets: {
    urgent: minutes(60, 480),
    high: minutes(120, 960),
    medium: minutes(480, 2_400),
    low: minutes(960, 4_800),
  },
});
