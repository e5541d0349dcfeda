const DAY_MS = 86_400_000;

export const reminderDays = [30, 7, 1] as const;
export type ReminderDays = (typeof reminderDays)[number];

/** The reminder that is due, of the days before `expiresAt`: the nearest to the end; null while none is. */
export const dueReminder = (expiresAt: Date, now: Date): ReminderDays | null => {
  const leftMs = expiresAt.getTime() - now.getTime();
  return reminderDays.findLast((days) => leftMs <= days * DAY_MS) ?? null;
};
