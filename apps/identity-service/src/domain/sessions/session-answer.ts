import type { sessionAnswerSchema, userAnswerSchema } from '@switchboard/contracts';
import type { z } from 'zod';
import { ACCESS_TOKEN_AUDIENCE, appMetadataOf } from '../tokens/access-token.ts';
import type { IdentityRecord, UserRecord } from '../users/user-repository.ts';
import type { IssuedSession } from './issue-session.ts';

const iso = (time: Date | null): string | undefined => time?.toISOString();

const identityAnswer = (identity: IdentityRecord) => {
  const { email } = identity.identityData;
  return {
    identity_id: identity.id,
    id: identity.providerId,
    user_id: identity.userId,
    identity_data: identity.identityData,
    provider: identity.provider,
    last_sign_in_at: iso(identity.lastSignInAt) ?? null,
    created_at: identity.createdAt.toISOString(),
    updated_at: identity.updatedAt.toISOString(),
    ...(typeof email === 'string' ? { email } : {}),
  };
};

/** A user as Supabase Auth answers it. */
export const userAnswer = (
  user: UserRecord,
  identities: readonly IdentityRecord[],
): z.input<typeof userAnswerSchema> => {
  const confirmedAt = iso(user.emailConfirmedAt);
  return {
    id: user.id,
    aud: ACCESS_TOKEN_AUDIENCE,
    role: 'authenticated',
    email: user.email ?? '',
    ...(confirmedAt === undefined ? {} : { email_confirmed_at: confirmedAt, confirmed_at: confirmedAt }),
    phone: '',
    ...(user.lastSignInAt === null ? {} : { last_sign_in_at: iso(user.lastSignInAt) }),
    app_metadata: appMetadataOf(user, identities),
    user_metadata: { ...user.userMetadata },
    identities: identities.map(identityAnswer),
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
    is_anonymous: false,
  };
};

/** The answer of `/token`. */
export const sessionAnswer = (issued: IssuedSession): z.input<typeof sessionAnswerSchema> => ({
  access_token: issued.accessToken,
  token_type: 'bearer',
  expires_in: issued.expiresInSeconds,
  expires_at: Math.floor(issued.expiresAt.getTime() / 1000),
  refresh_token: issued.refreshToken,
  user: userAnswer(issued.user, issued.identities),
});
