import { type TicketPriority, ticketPriorities } from '@switchboard/contracts';

/** Minutes of business time by priority; null: nothing is promised. */
export type Minutes = Readonly<Record<TicketPriority, number | null>>;

const MINUTES_MAX = 525_600;

/** `urgent=60,high=120`, or `none`. What is left out or 0 is not promised; undefined where it is not written so. */
export const readMinutes = (text: string): Minutes | undefined => {
  const minutes: Record<TicketPriority, number | null> = {
    low: null,
    medium: null,
    high: null,
    urgent: null,
  };
  if (text.trim() === 'none') return minutes;
  const seen = new Set<string>();
  for (const entry of text.split(',')) {
    const [, name = '', digits = ''] = /^\s*([a-z]+)\s*=\s*(\d{1,6})\s*$/.exec(entry) ?? [];
    const priority = ticketPriorities.find((known) => known === name);
    if (!priority || seen.has(priority) || Number(digits) > MINUTES_MAX) return undefined;
    seen.add(priority);
    minutes[priority] = Number(digits) || null;
  }
  return minutes;
};

export const longestMinutes = (minutes: Minutes): number =>
  Math.max(...Object.values(minutes).map((value) => value ?? 0));
