import { afterEach, expect, test } from 'vitest';
import { PassingFailure } from '../src/domain/analysis/types.ts';
import {
  createSpeechWorkerPool,
  type SpeechWorkerPool,
} from '../src/domain/transcription/soundswallower/worker-pool.ts';

const script = new URL('./helpers/faulty-speech-worker.ts', import.meta.url);
const orders = { answer: 0, throw: 1, end: 2, hang: 3 } as const;
const piece = (order: keyof typeof orders) => Float32Array.of(orders[order]);
const never = new AbortController().signal;

const pools: SpeechWorkerPool[] = [];
const createPool = (size: number, timeoutMs = 30_000) => {
  const pool = createSpeechWorkerPool({ size, timeoutMs, script });
  pools.push(pool);
  return pool;
};
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

test('one thread is loaded once and kept', async () => {
  const pool = createPool(1);
  expect(await pool.decode(piece('answer'), never)).toEqual(['1']);
  expect(await pool.decode(piece('answer'), never)).toEqual(['2']);
  expect(await Promise.all([1, 2, 3].map(() => pool.decode(piece('answer'), never)))).toEqual([
    ['3'],
    ['4'],
    ['5'],
  ]);
});

test.each(['throw', 'end'] as const)(
  'a thread lost to "%s" fails its piece as passing and is replaced',
  async (order) => {
    const pool = createPool(1);
    expect(await pool.decode(piece('answer'), never)).toEqual(['1']);
    const lost = pool.decode(piece(order), never);
    const next = pool.decode(piece('answer'), never);
    await expect(lost).rejects.toBeInstanceOf(PassingFailure);
    // A new thread begins to count anew.
    expect(await next).toEqual(['1']);
  },
);

test('a piece that never comes back is ended by its time limit, and the next one is served', async () => {
  const pool = createPool(1, 2_000);
  const hung = pool.decode(piece('hang'), never);
  const next = pool.decode(piece('answer'), never);
  await expect(hung).rejects.toMatchObject({ message: expect.stringContaining('2000 ms') });
  expect(await next).toEqual(['1']);
});

test('a cancelled recording leaves the queue at once with its own reason', async () => {
  const pool = createPool(1);
  const running = pool.decode(piece('hang'), never);
  running.catch(() => {});
  const abort = new AbortController();
  const waiting = pool.decode(piece('answer'), abort.signal);
  abort.abort(new Error('the partner cancelled'));
  await expect(waiting).rejects.toThrow('the partner cancelled');
  await expect(pool.decode(piece('answer'), abort.signal)).rejects.toThrow('the partner cancelled');
});

test('closing fails what is under way as passing, and what comes later', async () => {
  const pool = createPool(2);
  const running = pool.decode(piece('hang'), never);
  const outcome = expect(running).rejects.toBeInstanceOf(PassingFailure);
  await pool.close();
  await outcome;
  await expect(pool.decode(piece('answer'), never)).rejects.toBeInstanceOf(PassingFailure);
});
