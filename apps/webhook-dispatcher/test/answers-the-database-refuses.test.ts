import { expect, test } from 'vitest';
import {
  LOST_ATTEMPTS_MAX,
  nextAttemptAt,
  partnerScheduleSeconds,
  stepAfter,
} from '../src/domain/deliveries/schedule.ts';
import type { FinishedAttempt } from '../src/domain/deliveries/types.ts';
import { createRecorder } from '../src/domain/engine/recorder.ts';
import { makeDelivery } from './support/deliveries.ts';

const finished = (body: string): FinishedAttempt => ({
  delivery: makeDelivery('https://partner.example.com/'),
  result: {
    outcome: 'succeeded',
    answer: { status: 200, headers: {}, body },
    error: null,
    attemptedAt: new Date(),
    durationMs: 1,
  },
});

test('one answer that cannot be stored is stored without its body, and holds up no other', async () => {
  const stored: (string | undefined)[] = [];
  const { promise: allRecorded, resolve } = Promise.withResolvers<void>();
  let recorded = 0;
  const recorder = createRecorder({
    async write(attempts) {
      if (attempts.some((one) => one.result.answer?.body === 'poison')) throw new Error('refused');
      stored.push(...attempts.map((one) => one.result.answer?.body));
    },
    isTransient: () => false,
    onTrouble: () => undefined,
    onRecorded: () => {
      recorded += 1;
      if (recorded === 4) resolve();
    },
  });
  for (const body of ['first', 'a', 'poison', 'b']) recorder.add(finished(body));
  await allRecorded;
  expect(stored).toEqual(['first', 'a', '', 'b']);
  expect(recorder.waiting()).toBe(0);
});

test('while the database is away outcomes wait, in order, and are written when it is back', async () => {
  let failures = 2;
  const stored: (string | undefined)[] = [];
  const { promise: allRecorded, resolve } = Promise.withResolvers<void>();
  const recorder = createRecorder({
    async write(attempts) {
      if (failures > 0) {
        failures -= 1;
        throw new Error('away');
      }
      stored.push(...attempts.map((one) => one.result.answer?.body));
    },
    isTransient: () => true,
    onTrouble: () => undefined,
    onRecorded: () => {
      if (recorder.waiting() === 0) resolve();
    },
  });
  for (const body of ['a', 'b', 'c']) recorder.add(finished(body));
  await allRecorded;
  expect(stored).toEqual(['a', 'b', 'c']);
});

test.each([0, 8])(
  'a delivery that kills whoever sends it is not sent for ever, begun after %d attempts',
  (earlierAttempts) => {
    let step = 0;
    let lost = 0;
    for (let number = earlierAttempts + 1; step < partnerScheduleSeconds.length; number += 1) {
      step = stepAfter({ attemptNumber: number, step, earlierAttempts }, 'lost');
      lost += 1;
    }
    expect(lost).toBe(LOST_ATTEMPTS_MAX + partnerScheduleSeconds.length);
    expect(nextAttemptAt(partnerScheduleSeconds, step, new Date())).toBeNull();
  },
);
