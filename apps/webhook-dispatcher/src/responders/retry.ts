import type { Bus, Responder } from '@switchboard/bus';
import { AppError, webhookRpcs } from '@switchboard/contracts';
import { type DataContext, isTransientDatabaseError } from '@switchboard/db';
import { retryDeliveries } from '../domain/deliveries/retry-deliveries.ts';
import type { Engine } from '../domain/engine/engine.ts';

export interface RetryDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Pick<Bus, 'respond'>;
  readonly engine: Pick<Engine, 'offer'>;
  readonly payloadDays: number;
}

/** Puts exhausted deliveries back when it is asked to, and hands them to the engine after the commit. */
export const respondToRetry = ({ ctx, bus, engine, payloadDays }: RetryDeps): Responder =>
  bus.respond(webhookRpcs.retry, async ({ delivery_ids }) => {
    try {
      const { answers, due } = await retryDeliveries(ctx, delivery_ids, { payloadDays });
      for (const delivery of due) engine.offer(delivery);
      if (due.length > 0)
        ctx.log.info({ deliveries: due.length }, 'exhausted deliveries are attempted again');
      return { deliveries: [...answers] };
    } catch (error) {
      if (isTransientDatabaseError(error)) throw new AppError('SERVICE_UNAVAILABLE', { cause: error });
      throw error;
    }
  });
