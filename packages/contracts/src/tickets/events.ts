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

const TOKEN = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';

export const ticketEvents = {
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
