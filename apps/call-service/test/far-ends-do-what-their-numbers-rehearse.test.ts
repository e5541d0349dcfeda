import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openLoopback } from './support/loopback.ts';

/** The far end of loopback (spec: calls, "Telephony driver"), in a hurry. */
let loopback = openLoopback();
afterEach(async () => {
  await loopback.driver.close();
  loopback = openLoopback();
});
const ago = (ms: number) => new Date(Date.now() - ms);
/** Longer than anything that could still follow. */
const settled = () => sleep(200);

describe('a far end', () => {
  it.each([
    ['+12025550123', 'answered', ['ringing', 'answered']],
    ['+15005550001', 'hungUp busy', ['hungUp busy']],
    ['15005550001', 'hungUp busy', ['hungUp busy']],
    ['+15005550002', 'hungUp no_answer', ['ringing', 'hungUp no_answer']],
    ['+15005550003', 'hungUp unreachable', ['hungUp unreachable']],
    ['+15005550004', 'hungUp remote_hangup', ['ringing', 'answered', 'hungUp remote_hangup']],
    ['+15005550005', 'answered', ['ringing', 'answered']],
    ['+115005550001', 'answered', ['ringing', 'answered']],
  ])('behind %s comes to %s', async (phone, end, story) => {
    const call = await loopback.start(phone);
    expect(call.story, 'nothing before the leg is in hand').toEqual([]);
    await call.until(end);
    expect(call.story).toEqual(story);
  });

  it('rings after 300 ms and answers after a second, or at once', async () => {
    await loopback.driver.close();
    loopback = openLoopback({ ringsAfterMs: 300, answersAfterMs: 1_000 });
    const begun = performance.now();
    const [usual, instant] = await Promise.all([loopback.start(), loopback.start('+15005550005')]);
    await instant.until('answered');
    await usual.until('ringing');
    const order = loopback.told.filter((words) =>
      ['+15005550005 answered', '+12025550123 ringing'].includes(words),
    );
    expect(order, 'the other one was not even ringing').toEqual([
      '+15005550005 answered',
      '+12025550123 ringing',
    ]);
    expect(performance.now() - begun).toBeGreaterThan(290);
    await usual.until('answered');
    expect(performance.now() - begun).toBeGreaterThan(990);
  });

  it.each(['end', 'release'] as const)('says nothing after %s', async (how) => {
    const ringing = await loopback.start();
    await ringing.until('ringing');
    await ringing.leg[how]();
    // On a busy machine it may have been answered by then.
    const told = [...ringing.story];
    await ringing.leg[how]();
    const begun = await loopback.start('+15005550001');
    await begun.leg[how]();
    await settled();
    expect([ringing.story, begun.story]).toEqual([told, []]);
  });
});

describe('a call of a process that died', () => {
  it('goes on where it was, counted from when it began', async () => {
    const calls = await Promise.all([
      loopback.resume({}),
      loopback.resume({ status: 'ringing', startedAt: ago(50), ringingAt: ago(30) }),
      loopback.resume({ status: 'ringing', startedAt: ago(60_000), ringingAt: ago(59_000) }, '+15005550002'),
      loopback.resume(
        { status: 'connected', startedAt: ago(9_000), connectedAt: ago(8_000) },
        '+15005550004',
      ),
      loopback.resume({ status: 'connected', startedAt: ago(9_000), connectedAt: ago(8_000) }),
      loopback.resume({ startedAt: ago(60_000) }, '+15005550001'),
    ]);
    const ends = ['answered', 'answered', 'hungUp no_answer', 'hungUp remote_hangup', null, 'hungUp busy'];
    await Promise.all(calls.map((call, at) => (ends[at] == null ? undefined : call.until(ends[at]))));
    await settled();
    expect(calls.map((call) => call.story)).toEqual([
      ['ringing', 'answered'],
      ['answered'],
      ['hungUp no_answer'],
      ['hungUp remote_hangup'],
      [],
      ['hungUp busy'],
    ]);
  });

  it('is lost when somebody’s audio hung on it', async () => {
    await expect(loopback.resume({ status: 'connected', hasMedia: true })).rejects.toThrow('the leg is lost');
  });
});
