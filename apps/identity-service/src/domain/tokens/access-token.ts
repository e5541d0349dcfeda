import { AppError } from '@switchboard/contracts';
import jwt from 'jsonwebtoken';
import type { Config } from '../../config.ts';
import type { Signer } from '../signing-keys/key-ring.ts';
import type { IdentityRecord, UserRecord } from '../users/user-repository.ts';

export const ACCESS_TOKEN_SECONDS = 3600;
export const ACCESS_TOKEN_AUDIENCE = 'authenticated';

export const issuerOf = ({ identity }: Pick<Config, 'identity'>): string => `${identity.publicUrl}/auth/v1`;

/** How somebody signed in, and when (seconds), as `amr` of the token names it. */
export interface AuthenticationMethod {
  readonly method: string;
  readonly timestamp: number;
}

/** What the platform knows of a user, and no user may write. */
export const appMetadataOf = (user: UserRecord, identities: readonly IdentityRecord[]) => {
  const providers = [...new Set(identities.map((identity) => identity.provider))];
  return {
    provider: providers[0] ?? 'email',
    providers: providers.length > 0 ? providers : ['email' as const],
    role: user.role,
    ...(user.businessId === null ? {} : { business_id: user.businessId }),
  };
};

export interface AccessTokenInput {
  readonly user: UserRecord;
  readonly identities: readonly IdentityRecord[];
  readonly sessionId: string;
  readonly aal: string;
  readonly amr: readonly AuthenticationMethod[];
  readonly at: Date;
}

export interface AccessToken {
  readonly token: string;
  /** Seconds since 1970. */
  readonly expiresAtSeconds: number;
}

/** An access token with the claims that Supabase's have, so that whoever reads those reads these. RS256, an hour. */
export const mintAccessToken = (
  config: Pick<Config, 'identity'>,
  signer: Signer,
  { user, identities, sessionId, aal, amr, at }: AccessTokenInput,
): AccessToken => {
  if (user.origin !== 'local') throw new AppError('FORBIDDEN', { message: 'This user signs in elsewhere' });
  const iat = Math.floor(at.getTime() / 1000);
  const expiresAtSeconds = iat + ACCESS_TOKEN_SECONDS;
  const claims = {
    iss: issuerOf(config),
    sub: user.id,
    aud: ACCESS_TOKEN_AUDIENCE,
    exp: expiresAtSeconds,
    iat,
    email: user.email ?? '',
    phone: '',
    app_metadata: appMetadataOf(user, identities),
    user_metadata: user.userMetadata,
    role: 'authenticated',
    aal,
    amr,
    session_id: sessionId,
    is_anonymous: false,
  };
  const token = jwt.sign(claims, signer.privateKey, { algorithm: 'RS256', keyid: signer.kid });
  return { token, expiresAtSeconds };
};
