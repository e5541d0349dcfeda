import { AppError, identityEvents, type updateUserBody } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { AdminContext } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { changesBetween } from '../audit/changes.ts';
import { dropOneTimeTokens } from '../sign-in/one-time-token.ts';
import { emailIdentityData } from '../users/create-user.ts';
import { requireEmail } from '../users/email.ts';
import {
  findIdentities,
  findUserByEmail,
  putIdentity,
  type UserRecord,
  updateUser,
} from '../users/user-repository.ts';
import { beginActUponUsers, requireAnotherSuperAdmin, requireRankFor, requireTarget } from './rules.ts';
import { emitUserAct } from './user-act.ts';

const audited = ({ role, businessId, email }: UserRecord) => ({ role, business_id: businessId, email });

/** Gives a user another address. What was sent to the one before does not work any more. */
const moveEmail = async (
  { trx }: Pick<Tools<'identity'>, 'trx'>,
  { data }: Pick<Deps, 'data'>,
  user: UserRecord,
  email: string,
): Promise<void> => {
  if (user.origin === 'external') {
    throw new AppError('FORBIDDEN', {
      message: 'The address of an external user is changed where it signs in',
    });
  }
  if (await findUserByEmail(trx, email)) throw new AppError('EMAIL_EXISTS');
  const at = data.clock.now();
  await dropOneTimeTokens(trx, user.id);
  await updateUser(trx, user.id, { email, emailConfirmedAt: at }, at);
  const identities = await findIdentities(trx, user.id);
  if (!identities.some(({ provider }) => provider === 'email')) return;
  await putIdentity(trx, {
    id: data.ids.next(),
    userId: user.id,
    provider: 'email',
    providerId: user.id,
    identityData: emailIdentityData(user.id, email, false),
    signedInAt: null,
    at,
  });
};

/**
 * Changes role, business or address of a user. What is so already is no change, and leaves no audit record.
 *
 * @throws USER_NOT_FOUND, FORBIDDEN, INSUFFICIENT_ROLE, LAST_SUPER_ADMIN, EMAIL_EXISTS, INVALID_INPUT
 */
export const updateUserAsAdmin = async (
  deps: Deps,
  admin: AdminContext,
  id: string,
  input: z.output<typeof updateUserBody>,
): Promise<UserRecord> => {
  const email = input.email === undefined ? undefined : requireEmail(input.email);
  return transact(deps.data, async ({ trx, emit }) => {
    const actor = await beginActUponUsers(trx, admin.principal);
    const before = await requireTarget(trx, id, actor);
    const role = input.role ?? before.role;
    const changesRole = role !== before.role;
    if (changesRole) {
      if (before.id === admin.principal.user_id) {
        throw new AppError('FORBIDDEN', { message: 'Nobody changes their own role' });
      }
      requireRankFor(actor, role);
      await requireAnotherSuperAdmin(trx, before);
    }
    if (email !== undefined && email !== before.email) await moveEmail({ trx }, deps, before, email);
    const roleIsSet = before.roleIsSet || (input.role !== undefined && before.origin === 'external');
    const businessId = input.business_id === undefined ? before.businessId : input.business_id;
    const after = await updateUser(trx, id, { role, roleIsSet, businessId }, deps.data.clock.now());
    if (!after) throw new AppError('USER_NOT_FOUND');
    const changes = changesBetween(audited(before), audited(after));
    if (!changes) return after;
    emit(identityEvents.userChanged, { user_id: id, change: changesRole ? 'role_changed' : 'updated' });
    emitUserAct(emit, admin, changesRole ? 'user.change_role' : 'user.update', after, changes);
    return after;
  });
};
