import { ConfigError, loadConfig } from '@switchboard/service-kit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readBusinessHours } from '../src/domain/sla/business-hours.ts';
import { createCalendar } from '../src/domain/sla/create-calendar.ts';
import { slaBlock } from '../src/domain/sla/sla-block.ts';

const HOUR = 3_600_000;

const calendarOf = (hours: string, timeZone = 'UTC', holidays: readonly string[] = []) => {
  const businessHours = readBusinessHours(hours);
  if (!businessHours) throw new Error(`no business hours: ${hours}`);
  return createCalendar({ businessHours, timeZone, holidays });
};
const at = (text: string) => new Date(text);

describe('business time', () => {
  const office = calendarOf('mon-fri 09:00-17:00', 'UTC', ['2026-12-25']);
  test.each([
    ['within a day', '2026-11-26T10:00:00.000Z', 2, '2026-11-26T12:00:00.000Z'],
    ['to the end of a day, and no further', '2026-11-26T10:00:00.000Z', 7, '2026-11-26T17:00:00.000Z'],
    ['over night', '2026-11-26T16:00:00.000Z', 2, '2026-11-27T10:00:00.000Z'],
    ['over a weekend', '2026-11-27T16:30:00.000Z', 1, '2026-11-30T09:30:00.000Z'],
    ['from before the first hour', '2026-11-26T03:00:00.000Z', 1, '2026-11-26T10:00:00.000Z'],
    ['from a Sunday', '2026-11-29T12:00:00.000Z', 8, '2026-11-30T17:00:00.000Z'],
    ['over a holiday and a weekend', '2026-12-24T16:00:00.000Z', 2, '2026-12-28T10:00:00.000Z'],
    ['over the end of a year', '2026-12-31T16:00:00.000Z', 2, '2027-01-01T10:00:00.000Z'],
    ['over many weeks', '2026-11-30T09:00:00.000Z', 8 * 19 + 1, '2026-12-28T10:00:00.000Z'],
  ])('goes on %s', (_name, from, hours, to) => {
    expect(office.add(at(from), hours * HOUR).toISOString()).toBe(to);
    expect(office.between(at(from), at(to))).toBe(hours * HOUR);
  });

  test('does not pass while nobody works', () => {
    const saturday = at('2026-11-28T00:00:00.000Z');
    expect(office.between(saturday, at('2026-11-30T09:00:00.000Z'))).toBe(0);
    expect(office.between(at('2026-12-24T17:00:00.000Z'), at('2026-12-28T09:00:00.000Z'))).toBe(0);
    expect(office.add(saturday, 0)).toEqual(saturday);
    expect(office.between(at('2026-11-27T12:00:00.000Z'), at('2026-11-27T11:00:00.000Z'))).toBe(0);
  });

  test('has no gap at midnight, and passes as time does where somebody always works', () => {
    const always = calendarOf('always', 'America/New_York');
    // Both changes of the clocks are in between.
    const from = at('2026-01-31T23:59:59.999Z');
    const to = at('2026-12-31T23:00:00.000Z');
    expect(always.between(from, to)).toBe(to.getTime() - from.getTime());
    expect(always.add(from, 7_777 * HOUR).getTime()).toBe(from.getTime() + 7_777 * HOUR);
    const night = calendarOf('fri 22:00-24:00,sat 00:00-02:00');
    expect(night.add(at('2026-11-27T23:00:00.000Z'), 2 * HOUR)).toEqual(at('2026-11-28T01:00:00.000Z'));
    const weekend = calendarOf('sat-mon 10:00-11:00, sun 10:30-12:00');
    expect(weekend.between(at('2026-11-27T00:00:00.000Z'), at('2026-12-04T00:00:00.000Z'))).toBe(4 * HOUR);
  });

  test('begins at the same hour of the wall in summer and in winter', () => {
    const berlin = calendarOf('mon-fri 09:00-17:00', 'Europe/Berlin');
    // On Sunday, 29 March, clocks are put forward; on Sunday, 25 October, back.
    expect(berlin.add(at('2026-03-27T15:00:00.000Z'), 2 * HOUR)).toEqual(at('2026-03-30T08:00:00.000Z'));
    expect(berlin.add(at('2026-10-23T14:00:00.000Z'), 2 * HOUR)).toEqual(at('2026-10-26T09:00:00.000Z'));
  });

  test('does not count the hour that is left out, and counts the one that comes twice', () => {
    const night = calendarOf('sun 00:00-06:00', 'Europe/Berlin');
    expect(night.between(at('2026-03-28T12:00:00.000Z'), at('2026-03-29T12:00:00.000Z'))).toBe(5 * HOUR);
    expect(night.between(at('2026-10-24T12:00:00.000Z'), at('2026-10-25T12:00:00.000Z'))).toBe(7 * HOUR);
    const leftOut = calendarOf('sun 02:10-02:50', 'Europe/Berlin');
    expect(leftOut.between(at('2026-03-28T12:00:00.000Z'), at('2026-03-29T12:00:00.000Z'))).toBe(0);
    expect(leftOut.between(at('2026-04-04T12:00:00.000Z'), at('2026-04-05T12:00:00.000Z'))).toBe(40 * 60_000);
  });

  // A day that Samoa left out; a zone whose clocks change at midnight; one with half an hour of summer.
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Pacific/Apia',
    'Africa/Cairo',
    'Australia/Lord_Howe',
  ];
  const calendars = zones.flatMap((zone) =>
    [
      'mon-fri 09:00-17:00',
      'always',
      'mon-sun 00:00-02:30,fri-mon 02:45-03:10',
      'sun 23:00-24:00,mon 00:00-00:01',
    ].map((hours) => ({
      hours,
      zone,
      ...calendarOf(hours, zone, ['2011-12-26', '2026-03-30', '2026-10-25']),
    })),
  );
  const calendar = fc.constantFrom(...calendars);
  const moment = fc.oneof(
    fc.date({ min: at('2011-12-20T00:00:00Z'), max: at('2012-01-10T00:00:00Z'), noInvalidDate: true }),
    fc.date({ min: at('2026-03-01T00:00:00Z'), max: at('2026-11-10T00:00:00Z'), noInvalidDate: true }),
  );
  const amount = fc.oneof(fc.integer({ min: 1, max: 10 * HOUR }), fc.integer({ min: 1, max: 300 * HOUR }));

  test('that is added is the time that is then between, at its first moment', () => {
    fc.assert(
      fc.property(calendar, moment, amount, ({ add, between }, from, ms) => {
        const to = add(from, ms);
        expect(between(from, to)).toBe(ms);
        expect(between(from, new Date(to.getTime() - 1))).toBe(ms - 1);
      }),
      { numRuns: 2_000 },
    );
  });

  test('adds up, never runs backwards, and is never more than the time that passes', () => {
    fc.assert(
      fc.property(calendar, fc.array(moment, { minLength: 3, maxLength: 3 }), (chosen, moments) => {
        const [a, b, c] = moments.toSorted((x, y) => x.getTime() - y.getTime()) as [Date, Date, Date];
        const [first, second] = [chosen.between(a, b), chosen.between(b, c)];
        expect(chosen.between(a, c)).toBe(first + second);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThanOrEqual(b.getTime() - a.getTime());
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(calendar, moment, amount, amount, ({ add }, from, first, second) => {
        expect(add(add(from, first), second)).toEqual(add(from, first + second));
        expect(add(from, first + second) > add(from, first)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('settings', () => {
  const schema = z.object({ sla: slaBlock });
  const faultsOf = (env: Record<string, string>): readonly string[] => {
    try {
      loadConfig(schema, env);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
      throw error;
    }
  };

  test('have defaults: hours of an office, with a promise for each priority', () => {
    expect(loadConfig(schema, {}).sla).toMatchObject({
      timeZone: 'UTC',
      holidays: [],
      firstResponseMinutes: { urgent: 60, high: 120, medium: 480, low: 960 },
    });
  });

  test('may promise nothing, or something for some priorities alone', () => {
    const { sla } = loadConfig(schema, {
      TICKET_SLA_FIRST_RESPONSE_MINUTES: 'none',
      TICKET_SLA_RESOLUTION_MINUTES: 'urgent=30, low=0',
      TICKET_BUSINESS_HOURS: 'always',
      TICKET_HOLIDAYS: '2026-12-25, 2027-01-01',
    });
    expect(sla.firstResponseMinutes).toEqual({ urgent: null, high: null, medium: null, low: null });
    expect(sla.resolutionMinutes).toEqual({ urgent: 30, high: null, medium: null, low: null });
    expect(sla.holidays).toEqual(['2026-12-25', '2027-01-01']);
  });

  test.each([
    ['TICKET_BUSINESS_HOURS', 'nine to five', 'mon-fri 09:00-17:00'],
    ['TICKET_BUSINESS_HOURS', 'mon-fri 22:00-06:00', 'over midnight'],
    ['TICKET_BUSINESS_HOURS', 'mon-fri 09:00-24:01', 'mon-fri'],
    ['TICKET_TIME_ZONE', 'Mars/Olympus', 'Europe/Berlin'],
    ['TICKET_HOLIDAYS', '2026-02-30', '2026-12-25'],
    ['TICKET_SLA_FIRST_RESPONSE_MINUTES', 'urgent=soon', 'urgent=60'],
    ['TICKET_SLA_FIRST_RESPONSE_MINUTES', 'urgent=1,urgent=2', 'urgent=60'],
    ['TICKET_SLA_RESOLUTION_MINUTES', 'low=525600', 'within a year of TICKET_BUSINESS_HOURS'],
  ])('that cannot be meant are refused in words: %s=%s', (name, value, words) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringContaining(words)]);
    expect(faultsOf({ [name]: value })[0]).toContain(name);
  });
});
