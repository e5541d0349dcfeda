import { defineRoute, type RouteContract } from '../route.ts';
import * as schemas from './admin-schemas.ts';

const PREFIX = '/api/admin/v1';
const SOURCE = 'Switchboard';

const identity = { service: 'identity-service', surface: 'platform', source: SOURCE } as const;

const admin = {
  ...identity,
  credentials: ['user'],
  roles: ['admin', 'super_admin'],
  limitGroup: 'admin',
} as const;

const superAdmin = { ...admin, roles: ['super_admin'] } as const;

/** `/api/admin/v1`: users, API keys, signing keys, audit log, leaks (spec: identity, common contract). */
export const identityAdminRoutes = {
  createApiKey: defineRoute({
    ...admin,
    id: 'admin.api_keys.create',
    summary: 'Create an API key pair of the calls surface',
    description:
      'Key and secret are shown in this answer only. An `account` that is named is joined, or made; without one the key gets an account of its own, named like its id.',
    method: 'POST',
    path: `${PREFIX}/api-keys`,
    idempotent: true,
    body: schemas.createApiKeyBody,
    responses: { 201: { description: 'Created', schema: schemas.createApiKeyAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),
  listApiKeys: defineRoute({
    ...admin,
    id: 'admin.api_keys.list',
    summary: 'List API keys',
    method: 'GET',
    path: `${PREFIX}/api-keys`,
    query: schemas.listApiKeysQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listApiKeysAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  getApiKey: defineRoute({
    ...admin,
    id: 'admin.api_keys.get',
    summary: 'One API key',
    method: 'GET',
    path: `${PREFIX}/api-keys/:id`,
    params: schemas.apiKeyParams,
    responses: { 200: { description: 'The key, without its secrets', schema: schemas.apiKeyAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  updateApiKey: defineRoute({
    ...admin,
    id: 'admin.api_keys.update',
    summary: 'Change name, expiry, addresses, limit or state of an API key',
    method: 'PATCH',
    path: `${PREFIX}/api-keys/:id`,
    params: schemas.apiKeyParams,
    body: schemas.updateApiKeyBody,
    responses: { 200: { description: 'As it is now', schema: schemas.apiKeyAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'KEY_NOT_FOUND', 'KEY_REVOKED'],
  }),
  rotateApiKey: defineRoute({
    ...admin,
    id: 'admin.api_keys.rotate',
    summary: 'Give an API key a new secret',
    description:
      'The new secret is shown in this answer only. The old one still works for `overlap_seconds` (0: ends now). Send an idempotency key: a repeat without one ends the secret that the first answer carried.',
    method: 'POST',
    path: `${PREFIX}/api-keys/:id/rotate`,
    idempotent: true,
    params: schemas.apiKeyParams,
    body: schemas.rotateApiKeyBody,
    responses: { 200: { description: 'Rotated', schema: schemas.rotateApiKeyAnswer } },
    errors: ['INVALID_INPUT', 'INVALID_PARAMETER', 'KEY_NOT_FOUND', 'KEY_REVOKED', 'DUPLICATE_REQUEST'],
  }),
  revokeApiKey: defineRoute({
    ...admin,
    id: 'admin.api_keys.revoke',
    summary: 'End an API key for good',
    method: 'POST',
    path: `${PREFIX}/api-keys/:id/revoke`,
    params: schemas.apiKeyParams,
    responses: { 200: { description: 'Revoked, now or before', schema: schemas.apiKeyAnswer } },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),
  getApiKeyUsage: defineRoute({
    ...admin,
    id: 'admin.api_keys.get_usage',
    summary:
      'When an API key and its old secret were last used; figures of requests come with the calls surface',
    method: 'GET',
    path: `${PREFIX}/api-keys/:id/usage`,
    params: schemas.apiKeyParams,
    responses: {
      200: {
        description: 'To the minute, and later by what a gateway caches',
        schema: schemas.apiKeyUsageAnswer,
      },
    },
    errors: ['INVALID_PARAMETER', 'KEY_NOT_FOUND'],
  }),

  createUser: defineRoute({
    ...admin,
    id: 'admin.users.create',
    summary: 'Create a user',
    description:
      'Without a password the user gets a mail with a link to choose one. Only a super_admin makes admins and super_admins.',
    method: 'POST',
    path: `${PREFIX}/users`,
    idempotent: true,
    body: schemas.createUserBody,
    responses: { 201: { description: 'Created', schema: schemas.adminUserAnswer } },
    errors: ['INVALID_INPUT', 'INSUFFICIENT_ROLE', 'EMAIL_EXISTS', 'WEAK_PASSWORD', 'DUPLICATE_REQUEST'],
  }),
  listUsers: defineRoute({
    ...admin,
    id: 'admin.users.list',
    summary: 'List users',
    method: 'GET',
    path: `${PREFIX}/users`,
    query: schemas.listUsersQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listUsersAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),
  getUser: defineRoute({
    ...admin,
    id: 'admin.users.get',
    summary: 'One user, how they sign in and where they are signed in',
    method: 'GET',
    path: `${PREFIX}/users/:id`,
    params: schemas.userParams,
    responses: { 200: { description: 'The user', schema: schemas.adminUserDetailsAnswer } },
    errors: ['INVALID_PARAMETER', 'USER_NOT_FOUND'],
  }),
  updateUser: defineRoute({
    ...admin,
    id: 'admin.users.update',
    summary: 'Change role, business or e-mail address of a user',
    description:
      'Only a super_admin grants or takes admin and super_admin, or changes anything of one. Nobody changes their own role.',
    method: 'PATCH',
    path: `${PREFIX}/users/:id`,
    params: schemas.userParams,
    body: schemas.updateUserBody,
    responses: { 200: { description: 'As it is now', schema: schemas.adminUserAnswer } },
    errors: [
      'INVALID_INPUT',
      'INVALID_PARAMETER',
      'FORBIDDEN',
      'INSUFFICIENT_ROLE',
      'USER_NOT_FOUND',
      'LAST_SUPER_ADMIN',
      'EMAIL_EXISTS',
    ],
  }),
  disableUser: defineRoute({
    ...admin,
    id: 'admin.users.disable',
    summary: 'Shut a user out: every session ends, and no new one begins',
    method: 'POST',
    path: `${PREFIX}/users/:id/disable`,
    params: schemas.userParams,
    responses: { 200: { description: 'Disabled, now or before', schema: schemas.adminUserAnswer } },
    errors: ['INVALID_PARAMETER', 'FORBIDDEN', 'INSUFFICIENT_ROLE', 'USER_NOT_FOUND', 'LAST_SUPER_ADMIN'],
  }),
  enableUser: defineRoute({
    ...admin,
    id: 'admin.users.enable',
    summary: 'Let a disabled user in again',
    method: 'POST',
    path: `${PREFIX}/users/:id/enable`,
    params: schemas.userParams,
    responses: { 200: { description: 'Enabled, now or before', schema: schemas.adminUserAnswer } },
    errors: ['INVALID_PARAMETER', 'INSUFFICIENT_ROLE', 'USER_NOT_FOUND'],
  }),
  signOutUser: defineRoute({
    ...admin,
    id: 'admin.users.sign_out',
    summary: 'Sign a user out everywhere',
    description: 'Every session ends, and every access token of before is void within a second.',
    method: 'POST',
    path: `${PREFIX}/users/:id/sign-out`,
    params: schemas.userParams,
    responses: { 200: { description: 'Signed out', schema: schemas.signOutUserAnswer } },
    errors: ['INVALID_PARAMETER', 'INSUFFICIENT_ROLE', 'USER_NOT_FOUND'],
  }),

  listSigningKeys: defineRoute({
    ...superAdmin,
    id: 'admin.signing_keys.list',
    summary: 'The keys that sign access tokens; their private halves never leave',
    method: 'GET',
    path: `${PREFIX}/signing-keys`,
    responses: { 200: { description: 'Newest first, all of them', schema: schemas.listSigningKeysAnswer } },
    errors: [],
  }),
  rotateSigningKey: defineRoute({
    ...superAdmin,
    id: 'admin.signing_keys.rotate',
    summary: 'Let a new key sign access tokens',
    description:
      'The new key is published first and signs a quarter of an hour later (`immediately`: now); the old one is known while a token of it lives. `revoke_old`: for a key that became known; every access token of before is void, and clients refresh theirs.',
    method: 'POST',
    path: `${PREFIX}/signing-keys/rotate`,
    idempotent: true,
    body: schemas.rotateSigningKeyBody,
    responses: { 201: { description: 'The new key', schema: schemas.signingKeyAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST'],
  }),

  listAuditLog: defineRoute({
    ...admin,
    id: 'admin.audit_log.list',
    summary: 'Who did what to what, before and after, and from where',
    description: 'Every administrative act of every service. Admins and super_admins see all of it.',
    method: 'GET',
    path: `${PREFIX}/audit-log`,
    query: schemas.listAuditLogQuery,
    responses: { 200: { description: 'Newest first', schema: schemas.listAuditLogAnswer } },
    errors: ['INVALID_PARAMETER'],
  }),

  reportLeaks: defineRoute({
    ...identity,
    id: 'admin.leaks.report',
    summary: 'Take what GitHub found in public, and end it',
    description:
      'The endpoint of the secret scanning partner program. Only hashes are kept. Each key is ended by the service that owns it; its owner and every super_admin are told by mail.',
    source: 'GitHub, "Secret scanning partner program"',
    credentials: ['provider'],
    provider: 'github',
    method: 'POST',
    path: `${PREFIX}/leaks`,
    body: schemas.reportLeaksBody,
    responses: { 200: { description: 'Taken; feedback on false ones', schema: schemas.reportLeaksAnswer } },
    errors: ['INVALID_INPUT'],
  }),
} satisfies Record<string, RouteContract>;
