import { z } from 'zod';
import { integrationTokenPrincipalSchema } from '../credentials/principal.ts';
import { timestampSchema } from '../fields.ts';
import { defineRpc } from '../rpc.ts';

export const ticketRpcs = {
  verifyToken: defineRpc({
    subject: 'rpc.tickets.verify_token',
    owner: 'ticket-service',
    summary:
      'Is this token good? Only its hash travels. The reason of a refusal is for logs, never for callers.',
    request: z.object({ token_hash: z.string().regex(/^[0-9a-f]{64}$/) }),
    reply: z.discriminatedUnion('ok', [
      z.object({
        ok: z.literal(true),
        principal: integrationTokenPrincipalSchema,
        allowed_ips: z.array(z.string()),
        rate_limit_per_hour: z.number().int().positive(),
        /** When the token stops being good: its expiry, or the end of a regenerated one's overlap. */
        valid_until: timestampSchema.nullable(),
      }),
      z.object({
        ok: z.literal(false),
        reason: z.enum(['unknown_token', 'disabled', 'revoked', 'expired']),
        token_id: z.uuid().nullable(),
      }),
    ]),
  }),
  hourUsage: defineRpc({
    subject: 'rpc.tickets.hour_usage',
    owner: 'ticket-service',
    summary:
      'How many requests of a token were counted in a clock hour, as far as the log knows: for a gateway that restarted.',
    request: z.object({ token_id: z.uuid(), hour_started_at: timestampSchema }),
    reply: z.object({ counted: z.number().int().min(0) }),
  }),
};
