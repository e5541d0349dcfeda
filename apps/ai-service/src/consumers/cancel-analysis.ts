import type { Bus, Consumer } from '@switchboard/bus';
import { partnerEvents } from '@switchboard/contracts';
import { type DataContext, onEvent, startConsumer } from '@switchboard/db';
import { requestCancel } from '../domain/analysis/analysis-store.ts';

/** Notes that a partner cancelled a job; the worker that has it, on whatever replica, hears it at its next heartbeat. */
export const startCancelConsumer = (ctx: DataContext<'ai'>, bus: Bus): Consumer =>
  startConsumer(ctx, {
    bus,
    durable: 'ai-analysis-cancel',
    on: [
      onEvent(partnerEvents.jobCancelled, ({ trx, data }) =>
        requestCancel(trx, data.job_id, ctx.clock.now()),
      ),
    ],
  });
