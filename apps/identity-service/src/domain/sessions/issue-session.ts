import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { ACCESS_TOKEN_SECONDS, mintAccessToken } from '../tokens/access-token.ts';
import { findIdentities, type IdentityRecord, type UserRecord } from '../users/user-repository.ts';
import { makeRefreshToken } from './refresh-token.ts';
import type { SessionRecord } from './session-repository.ts';

/** A session as its holder gets it. */
export interface IssuedSession {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
  readonly expiresAt: Date;
  readonly user: UserRecord;
  readonly identities: readonly IdentityRecord[];
}

/** The present tokens of a session. Reads only with the executor it is given, so it fits in any transaction. */
export const issueSession = async (
  { config, data, secrets, keyRing }: Deps,
  executor: Executor,
  session: Pick<SessionRecord, 'id' | 'refreshCounter' | 'aal' | 'amr'>,
  user: UserRecord,
): Promise<IssuedSession> => {
  const identities = await findIdentities(executor, user.id);
  const signer = await keyRing.signer(executor);
  const { id: sessionId, aal, amr } = session;
  const access = mintAccessToken(config, signer, {
    user,
    identities,
    sessionId,
    aal,
    amr,
    at: data.clock.now(),
  });
  return {
    sessionId,
    accessToken: access.token,
    refreshToken: makeRefreshToken(secrets, { sessionId, counter: session.refreshCounter }),
    expiresInSeconds: ACCESS_TOKEN_SECONDS,
    expiresAt: new Date(access.expiresAtSeconds * 1000),
    user,
    identities,
  };
};
