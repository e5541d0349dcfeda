import { z } from 'zod';
import { timestampSchema } from '../fields.ts';
import { tokenWebhookEventSchema } from '../tickets/schemas.ts';
import { targetUrlSchema } from './schemas.ts';

/** What an integration token registers by itself, in the words of the tickets surface. */
export const TOKEN_WEBHOOKS_MAX = 10;

const eventsSchema = z
  .array(tokenWebhookEventSchema)
  .min(1, 'must have at least one')
  .max(20, 'must have at most 20');

const tokenWebhook = z.object({
  id: z.uuid(),
  url: z.string(),
  events: z.array(z.string()),
  status: z.enum(['enabled', 'disabled']),
  /** `manual`: an administrator. `gone`: it answered 410. `failing`: nothing but failures for 120 hours. */
  disabled_reason: z.enum(['manual', 'gone', 'failing']).nullable(),
  /** `webhook-sequence` of the newest message; 0: there was none. */
  last_sequence: z.number().int(),
  created_at: timestampSchema,
});

export const createTokenWebhookBody = z.object({
  /** https; ports 80, 443, 1024 to 65535; no private addresses, but where an operator allowed them. */
  url: targetUrlSchema,
  /** Left out or null: all of them. */
  events: eventsSchema.nullish(),
});
export const createTokenWebhookAnswer = z.object({
  webhook: tokenWebhook.extend({
    /** `whsec_…`, shown in this answer only. */
    secret: z.string(),
  }),
});
export const listTokenWebhooksAnswer = z.object({ webhooks: z.array(tokenWebhook) });
