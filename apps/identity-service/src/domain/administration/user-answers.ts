import type { adminUserAnswer, adminUserDetailsAnswer } from '@switchboard/contracts';
import type { z } from 'zod';
import type { SessionRecord } from '../sessions/session-repository.ts';
import type { IdentityRecord, UserRecord } from '../users/user-repository.ts';

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** A user as administrators see it. */
export const adminUser = (user: UserRecord): z.input<typeof adminUserAnswer> => ({
  id: user.id,
  origin: user.origin,
  email: user.email,
  email_confirmed_at: iso(user.emailConfirmedAt),
  name: textOf(user.userMetadata.name) ?? textOf(user.userMetadata.full_name),
  role: user.role,
  business_id: user.businessId,
  disabled_at: iso(user.disabledAt),
  last_sign_in_at: iso(user.lastSignInAt),
  created_at: user.createdAt.toISOString(),
  updated_at: user.updatedAt.toISOString(),
});

const SESSIONS_SHOWN_MAX = 100;

export const adminUserDetails = (
  user: UserRecord,
  identities: readonly IdentityRecord[],
  sessions: readonly SessionRecord[],
): z.input<typeof adminUserDetailsAnswer> => ({
  ...adminUser(user),
  identities: identities.map((identity) => ({
    provider: identity.provider,
    email: textOf(identity.identityData.email),
    last_sign_in_at: iso(identity.lastSignInAt),
    created_at: identity.createdAt.toISOString(),
  })),
  open_sessions: sessions.slice(0, SESSIONS_SHOWN_MAX).map((session) => ({
    id: session.id,
    client_name: session.clientName,
    ip: session.ip,
    user_agent: session.userAgent,
    created_at: session.createdAt.toISOString(),
    refreshed_at: iso(session.refreshedAt),
  })),
});
