import { AppError, type ErrorCode } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { type IssuedSession, startSession } from '../sessions/start-session.ts';
import { sha256Hex } from '../tokens/secrets.ts';
import { lockUser } from '../users/user-repository.ts';
import { type DeviceAuthorization, lockByDeviceCode, markUsed, notePoll } from './device-repository.ts';
import { mintIdToken } from './id-token.ts';

/** RFC 8628, 3.5. */
const SLOW_DOWN_SECONDS = 5;
const INTERVAL_SECONDS_MAX = 3600;

export interface DeviceTokens {
  readonly session: IssuedSession;
  /** Null where the scope does not ask for one. */
  readonly idToken: string | null;
}

/** Nobody has decided: counts the poll, and makes the interval longer for whoever did not wait. */
const answerPending = async (
  { data }: Deps,
  { trx }: Tools<'identity'>,
  { id, intervalSeconds, lastPolledAt }: DeviceAuthorization,
): Promise<ErrorCode> => {
  const at = data.clock.now();
  const isTooSoon = lastPolledAt !== null && at.getTime() - lastPolledAt.getTime() < intervalSeconds * 1000;
  const interval = isTooSoon
    ? Math.min(intervalSeconds + SLOW_DOWN_SECONDS, INTERVAL_SECONDS_MAX)
    : intervalSeconds;
  await notePoll(trx, { id, intervalSeconds: interval, at });
  return isTooSoon ? 'SLOW_DOWN' : 'AUTHORIZATION_PENDING';
};

const redeem = async (
  deps: Deps,
  tools: Tools<'identity'>,
  input: { readonly deviceCode: string; readonly clientId: string | null; readonly caller: Caller },
): Promise<DeviceTokens | ErrorCode> => {
  const { data } = deps;
  const found = await lockByDeviceCode(tools.trx, sha256Hex(input.deviceCode));
  if (!found || found.status === 'used') return 'INVALID_GRANT';
  if (input.clientId !== null && found.clientId !== null && input.clientId !== found.clientId) {
    return 'INVALID_GRANT';
  }
  if (found.status === 'denied') return 'ACCESS_DENIED';
  if (found.expiresAt <= data.clock.now()) return 'EXPIRED_TOKEN';
  if (found.status === 'pending') return answerPending(deps, tools, found);
  const user = found.userId === null ? null : await lockUser(tools.trx, found.userId);
  // Disabled since it approved. Signing out everywhere has turned the approval into a refusal (domain/sessions).
  if (!user || user.disabledAt !== null) return 'ACCESS_DENIED';
  const session = await startSession(deps, tools, {
    userId: user.id,
    method: 'device',
    clientName: found.clientName ?? found.clientId,
    caller: input.caller,
  });
  await markUsed(tools.trx, found.id);
  const wantsIdToken = found.scope?.split(' ').includes('openid') ?? false;
  const idToken = wantsIdToken
    ? await mintIdToken(deps, tools.trx, { user: session.user, clientId: found.clientId })
    : null;
  return { session, idToken };
};

/**
 * A poll of a device. Tokens are given once, as RFC 6749 wants it of codes: of two polls at once the second one gets
 * INVALID_GRANT, and so does a client whose answer was lost, which begins again. To give them twice would give them to
 * whoever saw the code as well; the session of a lost answer has tokens that nobody holds, and ends by itself.
 *
 * @throws AUTHORIZATION_PENDING, SLOW_DOWN, ACCESS_DENIED, EXPIRED_TOKEN, INVALID_GRANT
 */
export const redeemDeviceCode = async (
  deps: Deps,
  input: { readonly deviceCode: string; readonly clientId: string | null; readonly caller: Caller },
): Promise<DeviceTokens> => {
  // Thrown after the commit: that somebody polled too soon is to be kept.
  const outcome = await transact(deps.data, (tools) => redeem(deps, tools, input));
  if (typeof outcome === 'string') throw new AppError(outcome);
  return outcome;
};
