import { createManualClock } from '@switchboard/contracts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../src/limits/memory-store.ts';
import { type Limits, newKeyId, type Sent, startLimits, type Told } from './support/limited.ts';

const clock = createManualClock();
let limits: Limits;
beforeEach(() => {
  clock.set('2026-01-01T12:59:20.000Z');
  limits = startLimits({ store: createMemoryStore(clock), clock });
});
afterEach(() => limits.close());

const sendMany = async (request: Sent, times: number): Promise<Told> => {
  let told = await limits.send(request);
  for (let sent = 1; sent < times; sent += 1) told = await limits.send(request);
  return told;
};
const ietf = ({ headers }: Told) => [headers['ratelimit-policy'], headers.ratelimit];
const plain = ({ status, headers }: Told) => [
  status,
  ...['limit', 'remaining', 'reset'].map((name) => Number(headers[`x-ratelimit-${name}`])),
];
const epoch = (iso: string) => Date.parse(iso) / 1000;

describe('functions-ai: 60 in a minute and 1000 in an hour', () => {
  const policies = '"functions-ai-minute";q=60;w=60, "functions-ai-hour";q=1000;w=3600';
  let request: Sent;
  beforeEach(() => {
    request = { group: 'functions-ai', keyId: newKeyId(), limit: null };
  });

  test('both policies are told, and the window that binds', async () => {
    const first = await limits.send(request);
    expect(ietf(first)).toEqual([policies, '"functions-ai-minute";r=59;t=60']);
    expect(plain(first)).toEqual([200, 60, 59, epoch('2026-01-01T13:00:20Z')]);
    const refused = await sendMany(request, 60);
    expect(ietf(refused)).toEqual([policies, '"functions-ai-minute";r=0;t=60']);
    expect(plain(refused)).toEqual([429, 60, 0, epoch('2026-01-01T13:00:20Z')]);
    expect(refused.headers['retry-after']).toBe('60');
  });

  test('what the hour refuses takes nothing of the minute, and the wait is the longer one', async () => {
    for (let minute = 0; minute < 16; minute += 1) {
      expect(plain(await sendMany(request, 60))[0]).toBe(200);
      clock.advance(60);
    }
    // 960 are taken: the hour binds now. It began at 12:59:20.
    const hourEnds = epoch('2026-01-01T13:59:20Z');
    expect(plain(await limits.send(request))).toEqual([200, 1000, 39, hourEnds]);
    expect(plain(await sendMany(request, 39))).toEqual([200, 1000, 0, hourEnds]);
    const refused = await sendMany(request, 30);
    expect(plain(refused)).toEqual([429, 1000, 0, hourEnds]);
    expect(ietf(refused)).toEqual([policies, '"functions-ai-hour";r=0;t=2640']);
    expect(refused.headers['retry-after']).toBe('2640');
    clock.set('2026-01-01T13:59:20.000Z');
    expect(plain(await limits.send(request))).toEqual([200, 60, 59, epoch('2026-01-01T14:00:20Z')]);
  });

  test('when both are full, the one that ends last is told', async () => {
    for (let minute = 0; minute < 16; minute += 1) {
      await sendMany(request, 60);
      clock.advance(60);
    }
    await sendMany(request, 20);
    clock.advance(60);
    const last = await sendMany(request, 20);
    expect(plain(last)).toEqual([200, 1000, 0, epoch('2026-01-01T13:59:20Z')]);
  });
});

describe('tickets: a clock hour, and the limit is the token’s', () => {
  const keyId = newKeyId();
  const send = (limit: number) => limits.send({ group: 'tickets', keyId, limit });

  test('it ends at :00 whenever it began', async () => {
    clock.set('2026-01-01T12:59:59.250Z');
    const first = await send(1);
    expect(plain(first)).toEqual([200, 1, 0, epoch('2026-01-01T13:00:00Z')]);
    expect(ietf(first)).toEqual(['"tickets";q=1;w=3600', '"tickets";r=0;t=1']);
    expect(plain(await send(1))[0]).toBe(429);
    clock.set('2026-01-01T12:59:59.999Z');
    expect(plain(await send(1))[0]).toBe(429);
    clock.set('2026-01-01T13:00:00.000Z');
    expect(plain(await send(1))).toEqual([200, 1, 0, epoch('2026-01-01T14:00:00Z')]);
    clock.set('2026-01-01T13:59:59.999Z');
    expect(plain(await send(1))[0]).toBe(429);
  });

  test('lowered below what was counted it refuses, raised it has room at once', async () => {
    for (let sent = 0; sent < 5; sent += 1) expect(plain(await send(10))[0]).toBe(200);
    const refused = await send(3);
    expect(plain(refused)).toEqual([429, 3, 0, epoch('2026-01-01T13:00:00Z')]);
    expect(refused.headers['retry-after']).toBe('40');
    expect(plain(await send(6)).slice(0, 3)).toEqual([200, 6, 0]);
    expect(plain(await send(6))[0]).toBe(429);
    expect(plain(await send(8)).slice(0, 3)).toEqual([200, 8, 1]);
  });
});

test('the calls surface tells the seconds that are left, all others the time', async () => {
  const calls = await limits.send({ group: 'calls', keyId: newKeyId(), limit: 100 });
  expect(plain(calls)).toEqual([200, 100, 99, 60]);
  const studio = await limits.send({ group: 'studio', keyId: newKeyId(), limit: null });
  expect(plain(studio)).toEqual([200, 100, 99, epoch('2026-01-01T13:00:20Z')]);
});
