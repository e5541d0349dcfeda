import { defineRoute, type RouteContract } from '../route.ts';
import * as schemas from './admin-schemas.ts';

const PREFIX = '/api/admin/v1/integration-tokens';
const ONE = `${PREFIX}/:token_id`;

const admin = {
  service: 'ticket-service',
  surface: 'platform',
  credentials: ['user'],
  roles: ['admin', 'super_admin'],
  limitGroup: 'admin',
  source: 'Switchboard',
} as const;

const one = { ...admin, params: schemas.integrationTokenParams } as const;
const answers = (description: string) => ({ 200: { description, schema: schemas.integrationTokenAnswer } });

/** `/api/admin/v1/integration-tokens*` (spec: tickets, "Admin"). */
export const ticketAdminRoutes = {
  listTokens: defineRoute({
    ...admin,
    id: 'admin.integration_tokens.list',
    summary: 'List integration tokens',
    method: 'GET',
    path: PREFIX,
    query: schemas.listIntegrationTokensQuery,
    responses: {
      200: {
        description: 'Newest first, each with its figures',
        schema: schemas.listIntegrationTokensAnswer,
      },
    },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER'],
  }),
  createToken: defineRoute({
    ...admin,
    id: 'admin.integration_tokens.create',
    summary: 'Create an integration token',
    description:
      'The whole token is in this answer only. It belongs to whoever makes it unless owner_user_id says else.',
    method: 'POST',
    path: PREFIX,
    idempotent: true,
    body: schemas.createIntegrationTokenBody,
    responses: { 201: { description: 'Created', schema: schemas.integrationTokenSecretAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  getToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.get',
    summary: 'One integration token with its figures',
    method: 'GET',
    path: ONE,
    responses: answers('The token'),
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
  updateToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.update',
    summary: 'Change an integration token',
    description: 'What is left out stays as it is; null clears. Takes effect at once, the limit too.',
    method: 'PATCH',
    path: ONE,
    body: schemas.updateIntegrationTokenBody,
    responses: answers('Changed'),
    errors: ['INSUFFICIENT_ROLE', 'INVALID_INPUT', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
  deleteToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.delete',
    summary: 'Delete an integration token',
    description: 'It ends and is not shown any more; its tickets, its usage and its audit trail stay.',
    method: 'DELETE',
    path: ONE,
    responses: { 204: { description: 'Deleted' } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
  regenerateToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.regenerate',
    summary: 'Give an integration token a new secret',
    description:
      'The whole token is in this answer only. The old one ends at once, or after overlap_seconds. Tickets stay with it.',
    method: 'POST',
    path: `${ONE}/regenerate`,
    idempotent: true,
    body: schemas.regenerateIntegrationTokenBody,
    responses: { 200: { description: 'Regenerated', schema: schemas.integrationTokenSecretAnswer } },
    errors: [
      'INSUFFICIENT_ROLE',
      'INVALID_INPUT',
      'INVALID_PARAMETER',
      'TOKEN_NOT_FOUND',
      'KEY_REVOKED',
      'DUPLICATE_REQUEST',
    ],
  }),
  disableToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.disable',
    summary: 'Disable an integration token for the time being',
    method: 'POST',
    path: `${ONE}/disable`,
    responses: answers('Disabled'),
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND', 'KEY_REVOKED'],
  }),
  enableToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.enable',
    summary: 'Enable an integration token again',
    method: 'POST',
    path: `${ONE}/enable`,
    responses: answers('Enabled'),
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND', 'KEY_REVOKED'],
  }),
  revokeToken: defineRoute({
    ...one,
    id: 'admin.integration_tokens.revoke',
    summary: 'Revoke an integration token for good',
    method: 'POST',
    path: `${ONE}/revoke`,
    responses: answers('Revoked'),
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
  listTokenUsage: defineRoute({
    ...one,
    id: 'admin.integration_tokens.list_usage',
    summary: 'Requests of an integration token, refused ones too',
    description:
      'Newest first. A page with filters can have fewer requests than asked for, and more may follow: go on until next_cursor is null.',
    method: 'GET',
    path: `${ONE}/usage`,
    query: schemas.listIntegrationTokenUsageQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.integrationTokenUsageAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
  getTokenUsageSummary: defineRoute({
    ...one,
    id: 'admin.integration_tokens.get_usage_summary',
    summary: 'Figures of an integration token',
    method: 'GET',
    path: `${ONE}/usage/summary`,
    responses: { 200: { description: 'The figures', schema: schemas.integrationTokenSummaryAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_PARAMETER', 'TOKEN_NOT_FOUND'],
  }),
} satisfies Record<string, RouteContract>;
