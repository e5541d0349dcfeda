import { defineRoute, type RouteContract } from '../route.ts';
import { TICKETS_PREFIX } from './endpoints.ts';
import { ticketsHealthAnswer } from './schemas.ts';

const tickets = {
  service: 'ticket-service',
  surface: 'tickets',
  credentials: ['integration_token'],
  limitGroup: 'tickets',
} as const;

const GUIDE = 'Integration tickets guide';

const health = {
  ...tickets,
  summary: 'Is the API up, and what does it offer?',
  source: GUIDE,
  method: 'GET',
  responses: { 200: { description: 'The API answers', schema: ticketsHealthAnswer } },
  errors: [],
} as const;

/** The tickets surface, `/functions/v1/integration-tickets/*` (spec: tickets). */
export const ticketRoutes = {
  // The same at both addresses: supabase-js calls a function without a slash, the guide's curl with one.
  health: defineRoute({ ...health, id: 'tickets.health.get', path: TICKETS_PREFIX }),
  healthWithSlash: defineRoute({
    ...health,
    id: 'tickets.health.get_with_slash',
    path: `${TICKETS_PREFIX}/`,
  }),
} satisfies Record<string, RouteContract>;
