import { z } from 'zod';
import { defineRpc } from '../rpc.ts';
import type { ServiceName } from '../services.ts';
import { ticketPrincipalSchema } from './principal.ts';

/**
 * How a service says whether a ticket in a URL is good (`?ticket=tk_…`, spec: common contract). The service that made the
 * URL is asked; a yes opens one connection, so the answer is never cached. The reason of a refusal is for logs.
 */
export const redeemTicketRpc = (owner: ServiceName) =>
  defineRpc({
    subject: `rpc.${owner.replace(/-service$/, '')}.redeem_ticket`,
    owner,
    summary: 'Is this ticket good for this path? A yes opens one connection.',
    request: z.object({ ticket_hash: z.string().regex(/^[0-9a-f]{64}$/), path: z.string() }),
    reply: z.discriminatedUnion('ok', [
      z.object({ ok: z.literal(true), principal: ticketPrincipalSchema }),
      z.object({
        ok: z.literal(false),
        reason: z.enum(['unknown_ticket', 'expired', 'in_use', 'other_resource']),
      }),
    ]),
  });
