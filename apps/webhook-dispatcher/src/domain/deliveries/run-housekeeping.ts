import { pause } from '@switchboard/bus';
import { type DataContext, transact } from '@switchboard/db';
import { startRepeatedTasks } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import {
  type Batch,
  daysBefore,
  emptyMessages,
  type Passed,
  type Retention,
  removeAttempts,
  removeDeliveries,
  removeReplays,
} from './housekeeping.ts';

const ROWS_PER_BATCH = 500;
/** Between batches, so that a day's rows leave without anybody noticing. */
const BATCH_PAUSE_MS = 100;
const DAY_MS = 86_400_000;
/** Any number, always the same: one dispatcher keeps house at a time, the others pass. */
const LOCK = 7_061_740_002;

const takeTurn = async (trx: Executor): Promise<boolean> => {
  const { rows } = await sql<{ held: boolean }>`
    SELECT pg_try_advisory_xact_lock(${LOCK}::bigint) AS held`.execute(trx);
  return rows[0]?.held === true;
};

/**
 * Goes through old rows once, oldest first and batch by batch. What has to stay is passed over: once, and not again by every
 * batch, however much of it there is.
 */
const walk = async (
  ctx: DataContext<'webhooks'>,
  signal: AbortSignal,
  runBatch: (trx: Executor, passed: Passed | null) => Promise<Batch>,
): Promise<number> => {
  let passed: Passed | null = null;
  let removed = 0;
  while (!signal.aborted) {
    const from: Passed | null = passed;
    const batch: Batch | null = await transact(ctx, async ({ trx }) =>
      (await takeTurn(trx)) ? runBatch(trx, from) : null,
    );
    removed += batch?.removed ?? 0;
    if (batch === null || batch.lookedAt < ROWS_PER_BATCH) break;
    passed = batch.passed;
    await pause(BATCH_PAUSE_MS, signal);
  }
  return removed;
};

export interface Removed {
  readonly bodies: number;
  readonly attempts: number;
  readonly deliveries: number;
  readonly replays: number;
}

/** Removes all that is kept no longer. Gives the numbers of rows. */
export const keepHouse = async (
  ctx: DataContext<'webhooks'>,
  { payloadDays, attemptDays }: Retention,
  signal: AbortSignal,
): Promise<Removed> => {
  const now = ctx.clock.now();
  const rowsMax = ROWS_PER_BATCH;
  const bodiesBefore = daysBefore(now, payloadDays);
  const before = daysBefore(now, attemptDays);
  return {
    bodies: await walk(ctx, signal, (trx, passed) =>
      emptyMessages(trx, { before: bodiesBefore, now, passed, rowsMax }),
    ),
    attempts: await walk(ctx, signal, (trx) => removeAttempts(trx, { before, rowsMax })),
    deliveries: await walk(ctx, signal, (trx, passed) => removeDeliveries(trx, { before, passed, rowsMax })),
    replays: await walk(ctx, signal, (trx) => removeReplays(trx, { before, rowsMax })),
  };
};

/** Keeps house daily. Gives the function that ends it and waits for the batch that runs. */
export const startHousekeeping = (
  ctx: DataContext<'webhooks'>,
  retention: Retention,
): (() => Promise<void>) =>
  startRepeatedTasks(ctx.log, [
    {
      name: 'old webhook rows removed',
      everyMs: DAY_MS,
      run: async (signal) => ({ ...(await keepHouse(ctx, retention, signal)) }),
    },
  ]);
