import { defineRoute } from '../route.ts';
import * as schemas from './admin-schemas.ts';

const PREFIX = '/api/admin/v1/webhooks';
const ENDPOINTS = `${PREFIX}/endpoints`;
const ENDPOINT = `${ENDPOINTS}/:endpoint_id`;
const DELIVERIES = `${PREFIX}/deliveries`;
const DELIVERY = `${DELIVERIES}/:delivery_id`;
const REPLAYS = `${PREFIX}/replays`;

const admin = {
  service: 'webhook-dispatcher',
  surface: 'platform',
  credentials: ['user'],
  roles: ['admin', 'super_admin'],
  limitGroup: 'admin',
  source: 'Switchboard',
} as const;

const oneEndpoint = { ...admin, params: schemas.endpointParams } as const;
const endpoint = { description: 'The endpoint as it is now', schema: schemas.endpointAnswer } as const;

/** `/api/admin/v1/webhooks/*` (spec: webhooks, "Kept and shown"). */
export const webhookAdminRoutes = {
  listEndpoints: defineRoute({
    ...admin,
    id: 'admin.webhooks.list_endpoints',
    summary: 'List the endpoints of webhooks',
    method: 'GET',
    path: ENDPOINTS,
    query: schemas.listEndpointsQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listEndpointsAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  createEndpoint: defineRoute({
    ...admin,
    id: 'admin.webhooks.create_endpoint',
    summary: 'Make an endpoint that is told about the events of an owner',
    description:
      'The secret is shown in this answer only; the same idempotency key gets it again for 24 hours. It gets messages from now on.',
    method: 'POST',
    path: ENDPOINTS,
    idempotent: true,
    body: schemas.createEndpointBody,
    responses: { 201: { description: 'Made', schema: schemas.endpointWithSecretAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  getEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.get_endpoint',
    summary: 'One endpoint, with its health',
    method: 'GET',
    path: ENDPOINT,
    responses: { 200: endpoint },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  updateEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.update_endpoint',
    summary: 'Change an endpoint',
    description:
      'Fields that are left out stay as they are. Deliveries that wait go to the new address, on the new schedule. Headers of its own ' +
      'do not: with another url they are given again, or {}, for nobody is shown their values.',
    method: 'PATCH',
    path: ENDPOINT,
    body: schemas.updateEndpointBody,
    responses: { 200: endpoint },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  deleteEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.delete_endpoint',
    summary: 'Delete an endpoint',
    description: 'What waits for it is cancelled; what was sent stays on record as long as any other.',
    method: 'DELETE',
    path: ENDPOINT,
    responses: { 204: { description: 'Deleted' } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  rotateSecret: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.rotate_secret',
    summary: 'Give an endpoint a new secret',
    description:
      'Until the overlap ends, attempts are signed with the old secret too; at most five old ones are kept. The new one is shown in this ' +
      'answer only; the same idempotency key gets it again for 24 hours.',
    method: 'POST',
    path: `${ENDPOINT}/rotate`,
    idempotent: true,
    body: schemas.rotateSecretBody,
    responses: { 200: { description: 'Rotated', schema: schemas.endpointWithSecretAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND', 'DUPLICATE_REQUEST'],
  }),
  disableEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.disable_endpoint',
    summary: 'Send nothing to an endpoint, and keep what it would get',
    method: 'POST',
    path: `${ENDPOINT}/disable`,
    responses: { 200: endpoint },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  enableEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.enable_endpoint',
    summary: 'Send to an endpoint again, and what was missed if that is asked for',
    method: 'POST',
    path: `${ENDPOINT}/enable`,
    body: schemas.enableEndpointBody,
    responses: { 200: { description: 'Enabled', schema: schemas.enableEndpointAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  testEndpoint: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.test_endpoint',
    summary: 'Send a test message (webhook.test) to an endpoint',
    method: 'POST',
    path: `${ENDPOINT}/test`,
    idempotent: true,
    responses: { 202: { description: 'On its way', schema: schemas.testEndpointAnswer } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND', 'ENDPOINT_DISABLED', 'DUPLICATE_REQUEST'],
  }),
  listMessages: defineRoute({
    ...oneEndpoint,
    id: 'admin.webhooks.list_messages',
    summary: 'The messages of an endpoint in the order of their sequence, without a gap',
    method: 'GET',
    path: `${ENDPOINT}/messages`,
    query: schemas.feedQuery,
    responses: { 200: { description: 'Oldest first', schema: schemas.feedAnswer } },
    errors: ['INVALID_PARAMETER', 'ENDPOINT_NOT_FOUND'],
  }),
  listDeliveries: defineRoute({
    ...admin,
    id: 'admin.webhooks.list_deliveries',
    summary: 'List deliveries',
    method: 'GET',
    path: DELIVERIES,
    query: schemas.listDeliveriesQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listDeliveriesAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  getDelivery: defineRoute({
    ...admin,
    id: 'admin.webhooks.get_delivery',
    summary: 'One delivery, what it says, and its last attempt',
    method: 'GET',
    path: DELIVERY,
    params: schemas.deliveryParams,
    responses: { 200: { description: 'The delivery', schema: schemas.deliveryAnswer } },
    errors: ['INVALID_PARAMETER', 'DELIVERY_NOT_FOUND'],
  }),
  listAttempts: defineRoute({
    ...admin,
    id: 'admin.webhooks.list_attempts',
    summary: 'The attempts of a delivery, and what was answered',
    method: 'GET',
    path: `${DELIVERY}/attempts`,
    params: schemas.deliveryParams,
    query: schemas.listAttemptsQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listAttemptsAnswer } },
    errors: ['INVALID_PARAMETER', 'DELIVERY_NOT_FOUND'],
  }),
  replayDelivery: defineRoute({
    ...admin,
    id: 'admin.webhooks.replay_delivery',
    summary: 'Send one delivery again, whatever became of it',
    description: 'The same webhook-id and bytes, on a fresh schedule. One that waits already is not doubled.',
    method: 'POST',
    path: `${DELIVERY}/replay`,
    params: schemas.deliveryParams,
    responses: { 202: { description: 'In line', schema: schemas.replayDeliveryAnswer } },
    errors: [
      'INVALID_PARAMETER',
      'DELIVERY_NOT_FOUND',
      'ENDPOINT_NOT_FOUND',
      'ENDPOINT_DISABLED',
      'MESSAGE_EXPIRED',
    ],
  }),
  createReplay: defineRoute({
    ...admin,
    id: 'admin.webhooks.create_replay',
    summary: 'Send a range of deliveries again, or all that failed',
    description:
      'With dry_run it counts and sends nothing. Deliveries are put in line at rate_per_second, oldest first, each with its old webhook-id, ' +
      'on a fresh schedule; the counts are shown at the address in Location. What waits already, and what an endpoint that is disabled ' +
      'would get, is none of it; what fails later is not added. Counting reads what did not arrive, and with succeeded every delivery of ' +
      'that time, endpoint or owner: a few seconds a million. More than a million is refused.',
    method: 'POST',
    path: REPLAYS,
    idempotent: true,
    body: schemas.createReplayBody,
    responses: {
      200: { description: 'A dry run: what it would send', schema: schemas.dryRunAnswer },
      202: {
        description: 'Begun',
        schema: schemas.replayAnswer,
        headers: { Location: 'Where its counts are shown' },
      },
    },
    errors: ['INVALID_INPUT', 'ENDPOINT_NOT_FOUND', 'ENDPOINT_DISABLED', 'DUPLICATE_REQUEST'],
  }),
  listReplays: defineRoute({
    ...admin,
    id: 'admin.webhooks.list_replays',
    summary: 'List replays',
    method: 'GET',
    path: REPLAYS,
    query: schemas.listReplaysQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listReplaysAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  getReplay: defineRoute({
    ...admin,
    id: 'admin.webhooks.get_replay',
    summary: 'How far a replay is: total, successful, failed',
    method: 'GET',
    path: `${REPLAYS}/:replay_id`,
    params: schemas.replayParams,
    responses: { 200: { description: 'The replay', schema: schemas.replayAnswer } },
    errors: ['INVALID_PARAMETER', 'REPLAY_NOT_FOUND'],
  }),
  cancelReplay: defineRoute({
    ...admin,
    id: 'admin.webhooks.cancel_replay',
    summary: 'Put no more deliveries of a replay in line',
    method: 'POST',
    path: `${REPLAYS}/:replay_id/cancel`,
    params: schemas.replayParams,
    responses: { 200: { description: 'The replay as it is now', schema: schemas.replayAnswer } },
    errors: ['INVALID_PARAMETER', 'REPLAY_NOT_FOUND', 'REPLAY_FINISHED'],
  }),
  verifySignature: defineRoute({
    ...admin,
    id: 'admin.webhooks.verify_signature',
    summary: 'Why does a receiver refuse a signature?',
    description:
      'Takes what the receiver got and goes through a verification step by step: headers, clock, bytes, secret, signature.',
    method: 'POST',
    path: `${PREFIX}/verify`,
    bodyBytesMax: 3 * 1024 * 1024,
    body: schemas.verifyBody,
    responses: { 200: { description: 'Step by step', schema: schemas.verifyAnswer } },
    errors: ['INVALID_INPUT', 'ENDPOINT_NOT_FOUND'],
  }),
  listSigningKeys: defineRoute({
    ...admin,
    id: 'admin.webhooks.list_signing_keys',
    summary: 'The ed25519 keys that sign webhooks beside the secrets',
    method: 'GET',
    path: `${PREFIX}/signing-keys`,
    responses: { 200: { description: 'Newest first', schema: schemas.listWebhookSigningKeysAnswer } },
    errors: [],
  }),
  rotateSigningKey: defineRoute({
    ...admin,
    roles: ['super_admin'],
    id: 'admin.webhooks.rotate_signing_key',
    summary: 'Sign with a new ed25519 key',
    description: 'Until the overlap ends, the old key signs too and stays in the key set.',
    method: 'POST',
    path: `${PREFIX}/signing-keys/rotate`,
    idempotent: true,
    body: schemas.rotateSecretBody,
    responses: { 200: { description: 'The new key', schema: schemas.rotateWebhookSigningKeyAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
};
