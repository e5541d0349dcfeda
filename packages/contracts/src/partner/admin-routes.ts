import { defineRoute } from '../route.ts';
import * as schemas from './admin-schemas.ts';

const PREFIX = '/api/admin/v1';
const KEYS = `${PREFIX}/partner-keys`;
const KEY = `${KEYS}/:key_id`;

/** How long one request waits for what became of the callbacks it sent again. */
export const RETRY_OUTCOME_SECONDS = 25;

const admin = {
  service: 'partner-service',
  surface: 'platform',
  credentials: ['user'],
  roles: ['super_admin'],
  limitGroup: 'admin',
  source: 'Switchboard',
} as const;

/** `/api/admin/v1/partner-keys*` and `/api/admin/v1/partner-companies` (spec: partner, "Admin"). */
export const partnerAdminRoutes = {
  listKeys: defineRoute({
    ...admin,
    id: 'admin.partner_keys.list',
    summary: 'List partner keys',
    method: 'GET',
    path: KEYS,
    query: schemas.listKeysQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listKeysAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  createKey: defineRoute({
    ...admin,
    id: 'admin.partner_keys.create',
    summary: 'Make a partner key',
    description:
      'api_key, api_secret and webhook_secret are shown in this answer only; the same idempotency key gets it again ' +
      'for 24 hours.',
    method: 'POST',
    path: KEYS,
    idempotent: true,
    body: schemas.createKeyBody,
    responses: { 201: { description: 'Made', schema: schemas.createKeyAnswer } },
    errors: ['INVALID_INPUT', 'COMPANY_NOT_FOUND', 'DUPLICATE_REQUEST'],
  }),
  getKey: defineRoute({
    ...admin,
    id: 'admin.partner_keys.get',
    summary: 'One partner key',
    method: 'GET',
    path: KEY,
    params: schemas.keyIdParams,
    responses: { 200: { description: 'The key', schema: schemas.partnerKeyAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  updateKey: defineRoute({
    ...admin,
    id: 'admin.partner_keys.update',
    summary: 'Change what a partner key may do',
    description:
      'It has its effect on every gateway within a second. Fields that are left out stay as they are.',
    method: 'PATCH',
    path: KEY,
    params: schemas.keyIdParams,
    body: schemas.updateKeyBody,
    responses: { 200: { description: 'The key as it is now', schema: schemas.partnerKeyAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'KEY_NOT_FOUND', 'KEY_REVOKED'],
  }),
  rotateKey: defineRoute({
    ...admin,
    id: 'admin.partner_keys.rotate',
    summary: 'Give a partner key a new secret',
    description:
      'The old secret is good until its overlap ends; when it was last used is shown with the key. The new one is ' +
      'shown in this answer only; the same idempotency key gets it again for 24 hours.',
    method: 'POST',
    path: `${KEY}/rotate`,
    idempotent: true,
    params: schemas.keyIdParams,
    body: schemas.rotateKeyBody,
    responses: { 200: { description: 'Rotated', schema: schemas.rotateKeyAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'KEY_NOT_FOUND', 'KEY_REVOKED', 'DUPLICATE_REQUEST'],
  }),
  revokeKey: defineRoute({
    ...admin,
    id: 'admin.partner_keys.revoke',
    summary: 'End a partner key for ever',
    description: 'A key that is revoked already stays as it is.',
    method: 'POST',
    path: `${KEY}/revoke`,
    params: schemas.keyIdParams,
    responses: { 200: { description: 'The key as it is now', schema: schemas.partnerKeyAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  getKeyUsage: defineRoute({
    ...admin,
    id: 'admin.partner_keys.get_usage',
    summary: 'How much a partner key was used',
    description: 'The figures of get_partner_api_usage; without from and to, of the last 30 days.',
    method: 'GET',
    path: `${KEY}/usage`,
    params: schemas.keyIdParams,
    query: schemas.keyUsageQuery,
    responses: { 200: { description: 'The figures', schema: schemas.keyUsageAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  listKeyRequests: defineRoute({
    ...admin,
    id: 'admin.partner_keys.list_requests',
    summary: 'The request log of a partner key',
    method: 'GET',
    path: `${KEY}/requests`,
    params: schemas.keyIdParams,
    query: schemas.listRequestsQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listRequestsAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  listKeyWebhooks: defineRoute({
    ...admin,
    id: 'admin.partner_keys.list_webhooks',
    summary: 'The webhook log of a partner key: each attempt of a callback',
    method: 'GET',
    path: `${KEY}/webhooks`,
    params: schemas.keyIdParams,
    query: schemas.listWebhooksQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listWebhooksAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  retryWebhook: defineRoute({
    ...admin,
    id: 'admin.partner_keys.retry_webhook',
    summary: 'Send a callback once more that nobody tries again by itself',
    description:
      'The same webhook-id and bytes; the number of the attempt goes on. One that waits already is not doubled.',
    method: 'POST',
    path: `${KEYS}/webhooks/:delivery_id/retry`,
    params: schemas.deliveryIdParams,
    responses: { 200: { description: 'What was done', schema: schemas.retryWebhookAnswer } },
    errors: ['INVALID_PARAMETER', 'DELIVERY_NOT_FOUND'],
  }),
  retryFailedWebhooks: defineRoute({
    ...admin,
    id: 'admin.partner_keys.retry_failed_webhooks',
    summary: 'Send all callbacks of a partner key once more that nobody tries again by itself',
    description: `Waits up to ${RETRY_OUTCOME_SECONDS} seconds for what becomes of them.`,
    source: 'Partner API guide, "Retry Webhooks"',
    method: 'POST',
    path: `${KEY}/webhooks/retry-failed`,
    timeoutSeconds: RETRY_OUTCOME_SECONDS + 15,
    params: schemas.keyIdParams,
    responses: { 200: { description: 'What became of them', schema: schemas.retryFailedWebhooksAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  listCompanies: defineRoute({
    ...admin,
    id: 'admin.partner_companies.list',
    summary: 'List the companies of all partners, with how many agents and calls they have',
    method: 'GET',
    path: `${PREFIX}/partner-companies`,
    query: schemas.listPartnerCompaniesQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listPartnerCompaniesAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
};
