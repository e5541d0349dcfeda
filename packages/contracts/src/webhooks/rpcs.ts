import { z } from 'zod';
import { defineRpc } from '../rpc.ts';

/** Deliveries of one question. */
export const RETRY_DELIVERIES_MAX = 100;

export const webhookRpcs = {
  retry: defineRpc({
    subject: 'rpc.webhooks.retry',
    owner: 'webhook-dispatcher',
    summary:
      'Attempt exhausted deliveries once more, now: same webhook-id and bytes, the number of the attempt goes on. Others stay as they are.',
    request: z.object({ delivery_ids: z.array(z.uuid()).min(1).max(RETRY_DELIVERIES_MAX) }),
    reply: z.object({
      deliveries: z.array(
        z.object({
          delivery_id: z.uuid(),
          /**
           * `scheduled`: done. `waiting`: an attempt was to come anyway. `succeeded`: it has arrived. `expired`: its
           * body is kept no longer. `unknown`: there is none, or not any more.
           */
          state: z.enum(['scheduled', 'waiting', 'succeeded', 'expired', 'unknown']),
          /** Of the attempt to come; where none comes, of the last one. */
          attempt_number: z.number().int().min(0),
        }),
      ),
    }),
  }),
};
