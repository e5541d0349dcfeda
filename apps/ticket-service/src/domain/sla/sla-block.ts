import { setting } from '@switchboard/service-kit';
import { z } from 'zod';
import { readBusinessHours, weeklyMs } from './business-hours.ts';
import { longestMinutes, readMinutes } from './targets.ts';

const WEEKS_MAX = 52;
const HOLIDAYS_MAX = 1_000;

const parsed = <Value>(wants: string, read: (text: string) => Value | undefined) =>
  z.string(`must be ${wants}`).transform((text, ctx): Value => {
    const value = read(text);
    if (value !== undefined) return value;
    ctx.addIssue({ code: 'custom', message: `must be ${wants}` });
    return z.NEVER;
  });

const hoursField = () =>
  parsed(
    'always, or days and hours such as mon-fri 09:00-17:00, several of them divided by commas; hours over midnight are two, until 24:00 and from 00:00',
    readBusinessHours,
  );

const timeZoneField = () =>
  parsed('a time zone of the IANA database, such as Europe/Berlin', (text) => {
    try {
      return new Temporal.ZonedDateTime(0n, text.trim()).timeZoneId;
    } catch {
      return undefined;
    }
  });

const isDate = (text: string): boolean => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text);
    return true;
  } catch {
    return false;
  }
};

const holidaysField = () =>
  parsed(`at most ${HOLIDAYS_MAX} dates such as 2026-12-25, divided by commas`, (text) => {
    const dates = text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
    return dates.every(isDate) && dates.length <= HOLIDAYS_MAX ? dates : undefined;
  });

const minutesField = () =>
  parsed(
    'minutes by priority such as urgent=60,high=120 (at most 525600; 0, or left out: nothing is promised), or none',
    readMinutes,
  );

/** What is promised to those who open tickets, and when the time of it runs. */
export const slaBlock = z
  .object({
    businessHours: setting('TICKET_BUSINESS_HOURS', hoursField().prefault('mon-fri 09:00-17:00'), {
      description: 'When the clocks of tickets run: always, or days and hours, divided by commas',
    }),
    timeZone: setting('TICKET_TIME_ZONE', timeZoneField().prefault('UTC'), {
      description: 'Time zone of TICKET_BUSINESS_HOURS and TICKET_HOLIDAYS',
    }),
    holidays: setting('TICKET_HOLIDAYS', holidaysField().prefault(''), {
      description: 'Dates on which the clocks of tickets stand still, divided by commas',
      example: '2026-12-25,2026-12-26,2027-01-01',
    }),
    firstResponseMinutes: setting(
      'TICKET_SLA_FIRST_RESPONSE_MINUTES',
      minutesField().prefault('urgent=60,high=120,medium=480,low=960'),
      { description: 'Business minutes until the first response, by priority; none: nothing is promised' },
    ),
    resolutionMinutes: setting(
      'TICKET_SLA_RESOLUTION_MINUTES',
      minutesField().prefault('urgent=480,high=960,medium=2400,low=4800'),
      { description: 'Business minutes until the resolution, by priority; none: nothing is promised' },
    ),
  })
  .superRefine(({ businessHours, firstResponseMinutes, resolutionMinutes }, ctx) => {
    const mostMinutes = (weeklyMs(businessHours) / 60_000) * WEEKS_MAX;
    for (const [path, minutes] of Object.entries({ firstResponseMinutes, resolutionMinutes })) {
      if (longestMinutes(minutes) <= mostMinutes) continue;
      ctx.addIssue({
        code: 'custom',
        path: [path],
        message: `must end within a year of TICKET_BUSINESS_HOURS, which is ${mostMinutes} minutes`,
      });
    }
  });
