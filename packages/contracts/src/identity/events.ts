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

const USER = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const KEY = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';

export const identityEvents = {
  sessionEnded: defineEvent({
    name: 'identity.session.ended',
    version: 1,
    producer: 'identity-service',
    summary:
      'A session is over: whatever is cached about its access tokens is void. `session_id` null: all of the user.',
    data: z.object({
      user_id: z.uuid(),
      session_id: z.uuid().nullable(),
      reason: z.enum([
        'signed_out',
        'refresh_token_reused',
        'password_changed',
        'disabled',
        'signed_out_by_admin',
        'deleted',
      ]),
    }),
    example: { user_id: USER, session_id: KEY, reason: 'signed_out' },
  }),
  userChanged: defineEvent({
    name: 'identity.user.changed',
    version: 1,
    producer: 'identity-service',
    summary: 'A user was made or changed: role, e-mail, business, disabled or enabled.',
    data: z.object({
      user_id: z.uuid(),
      change: z.enum(['created', 'updated', 'role_changed', 'disabled', 'enabled', 'deleted']),
    }),
    example: { user_id: USER, change: 'role_changed' },
  }),
  signingKeyChanged: defineEvent({
    name: 'identity.signing_key.changed',
    version: 1,
    producer: 'identity-service',
    summary: 'The set of keys that sign access tokens changed: read it again.',
    data: z.object({ kid: z.string(), change: z.enum(['added', 'removed', 'revoked']) }),
    example: { kid: 'k1', change: 'added' },
  }),
  apiKeyChanged: defineEvent({
    name: 'identity.api_key.changed',
    version: 1,
    producer: 'identity-service',
    summary: 'An API key was changed, rotated or revoked: whatever is cached about it is void.',
    data: z.object({ key_id: z.uuid(), change: z.enum(['created', 'updated', 'revoked']) }),
    example: { key_id: KEY, change: 'revoked' },
  }),
  apiKeyExpiring: defineEvent({
    name: 'identity.api_key.expiring',
    version: 1,
    producer: 'identity-service',
    summary: 'An API key ends by itself in 30, 7 or 1 days.',
    data: expiringSchema,
    example: expiringExample,
  }),
  apiKeyLeaked: defineEvent({
    name: 'identity.api_key.leaked',
    version: 1,
    producer: 'identity-service',
    summary: 'An API key was found in public and revoked.',
    data: leakedSchema,
    example: leakedExample,
  }),
  leakReported: defineEvent({
    name: 'identity.leak.reported',
    version: 1,
    producer: 'identity-service',
    summary: 'Somebody found one of our credentials in public. Its owner ends it. Only the hash travels.',
    data: z.object({
      report_id: z.uuid(),
      /** What its prefix says it is. */
      token_kind: z.enum(['partner_key', 'partner_secret', 'api_key', 'api_secret', 'integration_token']),
      token_hash: z.string().regex(/^[0-9a-f]{64}$/),
      provider: z.string(),
      url: z.string().nullable(),
    }),
    example: {
      report_id: USER,
      token_kind: 'integration_token',
      token_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      provider: 'github',
      url: 'https://github.com/octocat/Hello-World/blob/main/config.js',
    },
  }),
  adminActed: defineEvent({
    name: 'identity.admin.acted',
    version: 1,
    producer: 'identity-service',
    summary: 'An administrator did something to users, API keys or signing keys.',
    data: adminActSchema,
    example: { ...adminActExample, action: 'user.change_role' },
  }),
};
