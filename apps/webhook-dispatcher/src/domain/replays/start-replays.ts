import { pause } from '@switchboard/bus';
import { type DataContext, isTransientDatabaseError } from '@switchboard/db';
import { paceReplay } from './pace-replay.ts';

export interface Replays {
  /** Begins no more steps, and waits for the one that runs. */
  stop(): Promise<void>;
}

/** Small beside a step: dispatchers take turns, and none keeps a replay waiting for much longer than its pace says. */
const POLL_MS = 250;
const TROUBLE_MS = 3_000;

/** Paces whatever replays there are. Any number of dispatchers may: each step of a replay is made by one of them. */
export const startReplays = (
  ctx: DataContext<'webhooks'>,
  settings: { readonly payloadDays: number; readonly pollMs?: number },
): Replays => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async () => {
    while (!signal.aborted) {
      let waitMs = settings.pollMs ?? POLL_MS;
      try {
        while (!signal.aborted && (await paceReplay(ctx, settings)));
      } catch (error) {
        waitMs = TROUBLE_MS;
        const trouble = isTransientDatabaseError(error) ? 'Postgres is away' : 'A step of a replay failed';
        ctx.log.warn({ err: error }, `${trouble}; trying on`);
      }
      await pause(waitMs, signal);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
};
