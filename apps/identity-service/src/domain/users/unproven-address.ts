import type { Tools } from '@switchboard/db';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { dropOneTimeTokens } from '../sign-in/one-time-token.ts';
import { normalizeEmail } from './email.ts';
import { findIdentities, putIdentity, type UserRecord, updateUser } from './user-repository.ts';

/** Whether somebody was shown to own the account's address: a mail came back, or a provider that verified it says so. */
export const isAddressProven = async ({ trx }: Tools<'identity'>, user: UserRecord): Promise<boolean> => {
  const identities = await findIdentities(trx, user.id);
  return identities.some(
    ({ identityData }) =>
      identityData.email_verified === true &&
      typeof identityData.email === 'string' &&
      normalizeEmail(identityData.email) === user.email,
  );
};

/**
 * Whoever made an account under an address that was never proven may be somebody else, who waits for its owner to use it.
 * The owner gets the account; password, sessions and every link that is under way are void.
 */
export const evictStrangers = async (
  tools: Tools<'identity'>,
  deps: Pick<Deps, 'data'>,
  user: UserRecord,
): Promise<void> => {
  const { trx } = tools;
  const at = deps.data.clock.now();
  await dropOneTimeTokens(trx, user.id);
  for (const identity of await findIdentities(trx, user.id)) {
    if (identity.provider !== 'email') {
      await sql`DELETE FROM identity.user_identities WHERE id = ${identity.id}`.execute(trx);
      continue;
    }
    const identityData = { ...identity.identityData, email: user.email, email_verified: true };
    await putIdentity(trx, { ...identity, identityData, signedInAt: null, at });
  }
  await updateUser(trx, user.id, { passwordHash: null }, at);
  await endSessions(tools, deps, { userId: user.id, reason: 'password_changed' });
};
