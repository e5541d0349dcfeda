import { pause } from '@switchboard/bus';
import { type DataContext, transact } from '@switchboard/db';
import { type Removed, type Retention, removeOldRows } from './housekeeping.ts';

const ROWS_PER_BATCH = 500;
/** Between batches, so that a day's rows leave without anybody noticing. */
const BATCH_PAUSE_MS = 100;
const DAY_MS = 86_400_000;
/** After a start, when whatever waited has been sent; several dispatchers do not meet, and harmlessly if they do. */
const FIRST_AFTER_MS = 60_000;

/** Removes all that is kept no longer, batch by batch. Gives the number of rows. */
export const keepHouse = async (
  ctx: DataContext<'webhooks'>,
  retention: Retention,
  signal: AbortSignal,
): Promise<Removed> => {
  const total = { bodies: 0, attempts: 0, deliveries: 0 };
  while (!signal.aborted) {
    const removed = await transact(ctx, ({ trx }) =>
      removeOldRows(trx, retention, ctx.clock.now(), ROWS_PER_BATCH),
    );
    total.bodies += removed.bodies;
    total.attempts += removed.attempts;
    total.deliveries += removed.deliveries;
    if (Math.max(removed.bodies, removed.attempts, removed.deliveries) < ROWS_PER_BATCH) break;
    await pause(BATCH_PAUSE_MS, signal);
  }
  return total;
};

/** Keeps house daily. Gives the function that ends it and waits for the batch that runs. */
export const startHousekeeping = (
  ctx: DataContext<'webhooks'>,
  retention: Retention,
): (() => Promise<void>) => {
  const stopping = new AbortController();
  const run = async () => {
    await pause(FIRST_AFTER_MS * (0.5 + Math.random()), stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        const removed = await keepHouse(ctx, retention, stopping.signal);
        ctx.log.info(removed, 'old webhook rows removed');
      } catch (error) {
        ctx.log.warn({ err: error }, 'Old webhook rows could not be removed; trying again tomorrow');
      }
      await pause(DAY_MS, stopping.signal);
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
};
