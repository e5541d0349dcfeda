import { z } from 'zod';
import { userRoleSchema } from './credentials/principal.ts';

/**
 * One administrative act. Each service emits its own as `<domain>.admin.acted`, in the transaction of the act, and
 * identity-service keeps all of them: what was done cannot be without its record, nor the record without the act.
 */
export const adminActSchema = z.object({
  /** `<thing>.<verb>`: `partner_key.revoke`, `user.change_role`. */
  action: z.string().regex(/^[a-z_]+\.[a-z_]+$/),
  /** Null: the platform did it by itself, such as ending a leaked key. */
  actor: z.object({ user_id: z.uuid(), email: z.string().nullable(), role: userRoleSchema }).nullable(),
  target: z.object({ type: z.string(), id: z.string(), name: z.string().nullable() }),
  /** What was so before and is so after, of the fields that the act is about; never a secret or its hash. */
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable(),
});
export type AdminAct = z.infer<typeof adminActSchema>;

export const adminActExample: AdminAct = {
  action: 'partner_key.revoke',
  actor: {
    user_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
    email: 'admin@example.com',
    role: 'super_admin',
  },
  target: { type: 'partner_key', id: '0192f0c1-2b3c-7d4e-8f50-617283940a1c', name: 'CompanyX Call Center' },
  before: { is_active: true },
  after: { is_active: false },
  ip: '203.0.113.7',
  user_agent: 'switchboard-cli/0.1.0',
  request_id: 'req-1',
};

/** A credential that ends by itself soon: said 30, 7 and 1 day before. */
export const expiringSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  /** The user to tell; null where nobody is known. */
  owner_user_id: z.uuid().nullable(),
  expires_at: z.iso.datetime(),
  days_left: z.union([z.literal(30), z.literal(7), z.literal(1)]),
});

export const expiringExample: z.infer<typeof expiringSchema> = {
  id: '0192f0c1-2b3c-7d4e-8f50-617283940a1c',
  name: 'CompanyX Call Center',
  owner_user_id: null,
  expires_at: '2025-01-14T10:30:00.000Z',
  days_left: 30,
};

/** A credential was found in public and ended at once. */
export const leakedSchema = z.object({
  id: z.uuid(),
  name: z.string(),
  owner_user_id: z.uuid().nullable(),
  /** Where it was found. */
  url: z.string().nullable(),
});

export const leakedExample: z.infer<typeof leakedSchema> = {
  id: '0192f0c1-2b3c-7d4e-8f50-617283940a1c',
  name: 'CompanyX Call Center',
  owner_user_id: null,
  url: 'https://github.com/octocat/Hello-World/blob/main/config.js',
};
