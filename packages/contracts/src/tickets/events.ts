import { z } from 'zod';
import {
  adminActExample,
  adminActSchema,
  expiringExample,
  expiringSchema,
  leakedExample,
  leakedSchema,
} from '../audit.ts';
import { defineEvent } from '../event.ts';
import { isStorable } from '../fields.ts';
import { serviceNames } from '../services.ts';
import {
  changeDataSchema,
  createTicketBody,
  type TicketChangeType,
  ticketMetadataSchema,
  ticketPrioritySchema,
} from './schemas.ts';

const TOKEN = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';

const TICKET = '0192f0c1-2b3c-7d4e-8f50-617283940a30';
const AT = '2024-12-15T10:30:00.000Z';

const ticketExample = {
  id: TICKET,
  title: 'The printer is on fire',
  description: null,
  status: 'open' as const,
  priority: 'high' as const,
  category: 'hardware',
  metadata: { floor: 3 },
  created_at: AT,
  updated_at: AT,
  resolved_at: null,
  closed_at: null,
};

/** A change of a ticket that may be known outside; internal notes and assignments are none. */
export const ticketChangedSchema = changeDataSchema.extend({
  /** `webhook-id` of the webhooks about it, and `id` in the feed. */
  change_id: z.uuid(),
  ticket_id: z.uuid(),
  /** Null: it was opened inside, and nobody outside follows it. */
  token_id: z.uuid().nullable(),
  /** In the feed of the token. */
  sequence: z.number().int().nullable(),
  call_id: z.uuid().nullable(),
  at: z.iso.datetime(),
});

const ticketEvent = (
  type: TicketChangeType,
  summary: string,
  example: Omit<z.input<typeof changeDataSchema>, 'ticket'> = {},
) =>
  defineEvent({
    name: `tickets.${type}`,
    version: 1,
    producer: 'ticket-service',
    summary,
    data: ticketChangedSchema,
    example: {
      change_id: '0192f0c1-2b3c-7d4e-8f50-617283940a31',
      ticket_id: TICKET,
      token_id: TOKEN,
      sequence: 1,
      call_id: null,
      at: AT,
      ticket: ticketExample,
      ...example,
    },
  });

const storable = (max: number) =>
  z.string().max(max).refine(isStorable, 'must be well-formed Unicode without NUL');

/** What another service wants a ticket to be: as on the surface, with defaults said. */
export const openTicketSchema = z.object({
  /** Chosen by whoever asks, which makes it the same ticket however often it is asked for. */
  ticket_id: z.uuid(),
  title: createTicketBody.shape.title,
  description: storable(50_000).nullable(),
  priority: ticketPrioritySchema,
  category: storable(100).nullable(),
  metadata: ticketMetadataSchema,
  /** The call it is about. */
  call_id: z.uuid().nullable(),
  /** Who asked for it, for its history. */
  requested_by: z.object({
    service: z.enum(serviceNames as readonly [string, ...string[]]),
    kind: z.enum(['user', 'api_key', 'service']),
    id: z.string(),
  }),
});

export const ticketEvents = {
  open: defineEvent({
    name: 'tickets.ticket.open',
    version: 1,
    producer: 'any',
    summary:
      'A command: ticket-service shall open this ticket. Durable, and done once: emit it in the transaction of what it is about.',
    data: openTicketSchema,
    example: {
      ticket_id: TICKET,
      title: 'Call back about the invoice',
      description: null,
      priority: 'medium',
      category: null,
      metadata: {},
      call_id: '0192f0c1-2b3c-7d4e-8f50-617283940a32',
      requested_by: {
        service: 'call-service',
        kind: 'api_key',
        id: '0192f0c1-2b3c-7d4e-8f50-617283940a33',
      },
    },
  }),
  ticketCreated: ticketEvent('ticket.created', 'A ticket was opened.'),
  ticketUpdated: ticketEvent('ticket.updated', 'Fields of a ticket changed, or a file was attached.', {
    changed: ['priority'],
  }),
  ticketStatusChanged: ticketEvent('ticket.status_changed', 'A ticket has another status.', {
    previous_status: 'in_progress',
  }),
  ticketCommented: ticketEvent('ticket.commented', 'Somebody commented on a ticket, for all to see.', {
    comment: {
      id: '0192f0c1-2b3c-7d4e-8f50-617283940a34',
      content: 'Somebody is on the way.',
      author: 'Support',
      created_at: AT,
    },
  }),
  ticketSlaBreached: ticketEvent(
    'ticket.sla_breached',
    'The time for the first response or the resolution ran out.',
    { sla: { clock: 'first_response', due_at: AT } },
  ),
  tokenChanged: defineEvent({
    name: 'tickets.token.changed',
    version: 1,
    producer: 'ticket-service',
    summary:
      'An integration token was changed, regenerated, disabled or revoked: whatever is cached about it is void.',
    data: z.object({ token_id: z.uuid(), change: z.enum(['created', 'updated', 'revoked']) }),
    example: { token_id: TOKEN, change: 'revoked' },
  }),
  tokenExpiring: defineEvent({
    name: 'tickets.token.expiring',
    version: 1,
    producer: 'ticket-service',
    summary: 'An integration token ends by itself in 30, 7 or 1 days.',
    data: expiringSchema,
    example: expiringExample,
  }),
  tokenLeaked: defineEvent({
    name: 'tickets.token.leaked',
    version: 1,
    producer: 'ticket-service',
    summary: 'An integration token was found in public and revoked.',
    data: leakedSchema,
    example: leakedExample,
  }),
  adminActed: defineEvent({
    name: 'tickets.admin.acted',
    version: 1,
    producer: 'ticket-service',
    summary: 'An administrator did something to integration tokens.',
    data: adminActSchema,
    example: { ...adminActExample, action: 'integration_token.revoke' },
  }),
};
