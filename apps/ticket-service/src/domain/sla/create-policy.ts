import type { TicketPriority } from '@switchboard/contracts';
import { type CalendarSettings, createCalendar } from './create-calendar.ts';
import type { SlaPolicy } from './policy.ts';
import type { Minutes } from './targets.ts';

export interface SlaSettings extends CalendarSettings {
  readonly firstResponseMinutes: Minutes;
  readonly resolutionMinutes: Minutes;
}

const inMs = (minutes: number | null): number | null => (minutes === null ? null : minutes * 60_000);

/** What is promised, as it is set: the hours in which clocks run, and how long they do. */
export const createPolicy = ({
  firstResponseMinutes,
  resolutionMinutes,
  ...calendar
}: SlaSettings): SlaPolicy => {
  const targetsOf = (priority: TicketPriority) => ({
    firstResponseMs: inMs(firstResponseMinutes[priority]),
    resolutionMs: inMs(resolutionMinutes[priority]),
  });
  return {
    calendar: createCalendar(calendar),
    targets: {
      low: targetsOf('low'),
      medium: targetsOf('medium'),
      high: targetsOf('high'),
      urgent: targetsOf('urgent'),
    },
  };
};
