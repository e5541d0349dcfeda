import { defineRoute } from '../route.ts';
import { TICKETS_PREFIX } from '../tickets/endpoints.ts';
import * as schemas from './admin-schemas.ts';
import * as tokenSchemas from './token-schemas.ts';

const dispatcher = { service: 'webhook-dispatcher', source: 'Switchboard' } as const;
const partner = {
  ...dispatcher,
  surface: 'partner',
  credentials: ['partner_key'],
  limitGroup: 'partner',
} as const;
const token = {
  ...dispatcher,
  surface: 'tickets',
  credentials: ['integration_token'],
  limitGroup: 'tickets',
} as const;
const TOKEN_WEBHOOKS = `${TICKETS_PREFIX}/webhooks`;
const PARTNER_DELIVERIES = '/api/partner/v1/webhooks/deliveries';

/** What receivers ask the dispatcher themselves (spec: webhooks). */
export const webhookRoutes = {
  getKeySet: defineRoute({
    ...dispatcher,
    id: 'webhooks.key_set.get',
    summary: 'The public keys that verify v1a signatures of webhooks (RFC 7517, RFC 8037)',
    method: 'GET',
    path: '/.well-known/webhooks/jwks.json',
    surface: 'platform',
    credentials: [],
    responses: {
      200: {
        description: 'The key set',
        schema: schemas.jwksAnswer,
        headers: { 'cache-control': 'How long it may be kept' },
      },
    },
    errors: [],
  }),
  listMessages: defineRoute({
    ...dispatcher,
    id: 'webhooks.messages.list',
    summary: 'What an endpoint of yours was sent, in the order of webhook-sequence, without a gap',
    description:
      'Lets a receiver prove that it missed nothing, and heal itself. Endpoints of other owners are not found.',
    method: 'GET',
    path: '/api/webhooks/v1/endpoints/:endpoint_id/messages',
    surface: 'platform',
    credentials: ['user', 'api_key', 'partner_key'],
    limitGroup: 'webhooks',
    params: schemas.endpointParams,
    query: schemas.feedQuery,
    responses: { 200: { description: 'Oldest first', schema: schemas.feedAnswer } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  listPartnerDeliveries: defineRoute({
    ...partner,
    id: 'partner.webhooks.list_deliveries',
    summary: 'List the callbacks of this key',
    method: 'GET',
    path: PARTNER_DELIVERIES,
    permission: 'jobs.read',
    query: schemas.listPartnerDeliveriesQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listPartnerDeliveriesAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  retryPartnerDelivery: defineRoute({
    ...partner,
    id: 'partner.webhooks.retry_delivery',
    summary: 'Send a callback once more that nobody tries again by itself',
    description:
      'The same webhook-id and bytes; the number of the attempt goes on. One that waits already is not doubled.',
    method: 'POST',
    path: `${PARTNER_DELIVERIES}/:delivery_id/retry`,
    permission: 'calls.analyze',
    params: schemas.deliveryParams,
    responses: { 200: { description: 'What was done', schema: schemas.retryPartnerDeliveryAnswer } },
    errors: ['INVALID_PARAMETER', 'DELIVERY_NOT_FOUND', 'MESSAGE_EXPIRED'],
  }),
  listTokenWebhooks: defineRoute({
    ...token,
    id: 'tickets.webhooks.list',
    summary: 'Where changes of the tickets of this token are sent',
    method: 'GET',
    path: TOKEN_WEBHOOKS,
    responses: { 200: { description: 'Newest first', schema: tokenSchemas.listTokenWebhooksAnswer } },
    errors: [],
  }),
  createTokenWebhook: defineRoute({
    ...token,
    id: 'tickets.webhooks.create',
    summary: 'Have changes of the tickets of this token sent to an address',
    description:
      'Signed by Standard Webhooks 1.0 with the secret, which is in this answer only. Events: ticket.created, ticket.updated, ticket.status_changed, ticket.commented, ticket.sla_breached.',
    method: 'POST',
    path: TOKEN_WEBHOOKS,
    idempotent: true,
    body: tokenSchemas.createTokenWebhookBody,
    responses: { 201: { description: 'Registered', schema: tokenSchemas.createTokenWebhookAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST', 'TOO_MANY'],
  }),
  deleteTokenWebhook: defineRoute({
    ...token,
    id: 'tickets.webhooks.delete',
    summary: 'Have nothing sent to an address any more',
    method: 'DELETE',
    path: `${TOKEN_WEBHOOKS}/:endpoint_id`,
    params: schemas.endpointParams,
    responses: { 204: { description: 'Deleted' } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  listTokenWebhookMessages: defineRoute({
    ...token,
    id: 'tickets.webhooks.list_messages',
    summary: 'What was sent to an address, in the order of webhook-sequence, without a gap',
    method: 'GET',
    path: `${TOKEN_WEBHOOKS}/:endpoint_id/messages`,
    params: schemas.endpointParams,
    query: schemas.feedQuery,
    responses: { 200: { description: 'Oldest first', schema: schemas.feedAnswer } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
};
