import type { DataContext } from '@switchboard/db';
import { removeFinished } from './analysis-store.ts';

const EVERY_MS = 60 * 60 * 1000;
/** Longer than an event can come again (the inbox keeps 11 days), so that a finished job is always known as finished. */
const KEEP_SECONDS = 30 * 86_400;
const ROWS_PER_DELETE = 1000;

/** Removes what ended long ago, hourly, in small batches. */
export const startHousekeeping = (ctx: DataContext<'ai'>) => {
  let running: Promise<void> = Promise.resolve();
  const tidy = async () => {
    const before = new Date(ctx.clock.now().getTime() - KEEP_SECONDS * 1000);
    try {
      while ((await removeFinished(ctx.db, before, ROWS_PER_DELETE)) === ROWS_PER_DELETE);
    } catch (error) {
      ctx.log.warn({ err: error }, 'old analyses could not be removed; the next hour tries again');
    }
  };
  const timer = setInterval(() => {
    running = tidy();
  }, EVERY_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
};
