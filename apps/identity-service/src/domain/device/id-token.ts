import jwt from 'jsonwebtoken';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { ACCESS_TOKEN_SECONDS, issuerOf } from '../tokens/access-token.ts';
import { profileOf } from '../users/profile.ts';
import type { UserRecord } from '../users/user-repository.ts';

/** Of a client that did not say who it is. */
const DEFAULT_AUDIENCE = 'switchboard-cli';

/** Says to a client who signed in (OpenID Connect Core, 2), checked with the same keys as access tokens. */
export const mintIdToken = async (
  { config, data, keyRing }: Pick<Deps, 'config' | 'data' | 'keyRing'>,
  executor: Executor,
  { user, clientId }: { readonly user: UserRecord; readonly clientId: string | null },
): Promise<string> => {
  const signer = await keyRing.signer(executor);
  const iat = Math.floor(data.clock.now().getTime() / 1000);
  const { name, avatarUrl } = profileOf(user);
  const claims = {
    iss: issuerOf(config),
    sub: user.id,
    aud: clientId ?? DEFAULT_AUDIENCE,
    iat,
    exp: iat + ACCESS_TOKEN_SECONDS,
    auth_time: iat,
    name,
    ...(user.email === null ? {} : { email: user.email, email_verified: user.emailConfirmedAt !== null }),
    ...(avatarUrl === null ? {} : { picture: avatarUrl }),
  };
  return jwt.sign(claims, signer.privateKey, { algorithm: 'RS256', keyid: signer.kid });
};
