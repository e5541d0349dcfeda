import { AppError, errors, type UserPrincipal, type UserRole } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import { findUserById, lockUser, type UserRecord } from '../users/user-repository.ts';

const isAdministrator = (role: UserRole): boolean => role === 'admin' || role === 'super_admin';

/** @throws INSUFFICIENT_ROLE unless whoever acts is a super_admin, where one of the roles is of an administrator */
export const requireRankFor = (actor: UserRole, ...roles: readonly UserRole[]): void => {
  if (roles.some(isAdministrator) && actor !== 'super_admin') throw errors.insufficientRole(['super_admin']);
};

/**
 * Begins an act upon users: one at a time on all replicas until the transaction ends, so that two of them cannot each
 * leave the other's super_admin as the last one. Gives the role that the administrator has now, whatever a gateway was
 * told a second ago.
 *
 * @throws INSUFFICIENT_ROLE when they are no administrator any more
 */
export const beginActUponUsers = async (trx: Executor, principal: UserPrincipal): Promise<UserRole> => {
  await sql`SELECT pg_advisory_xact_lock(hashtext('identity.administration'))`.execute(trx);
  const actor = await findUserById(trx, principal.user_id);
  // An external user need not be known here; its role is then that of its token.
  const isOfToken = principal.origin === 'external' && actor?.roleIsSet !== true;
  const role = isOfToken ? principal.role : (actor?.role ?? 'user');
  if (!isAdministrator(role) || (actor && actor.disabledAt !== null)) {
    throw errors.insufficientRole(['admin', 'super_admin']);
  }
  return role;
};

/**
 * The user to act upon, locked.
 *
 * @throws USER_NOT_FOUND; INSUFFICIENT_ROLE when it is an administrator and whoever acts is no super_admin
 */
export const requireTarget = async (trx: Executor, id: string, actor: UserRole): Promise<UserRecord> => {
  const target = await lockUser(trx, id);
  if (!target) throw new AppError('USER_NOT_FOUND');
  requireRankFor(actor, target.role);
  return target;
};

/** @throws LAST_SUPER_ADMIN when nobody else is an active super_admin */
export const requireAnotherSuperAdmin = async (trx: Executor, target: UserRecord): Promise<void> => {
  if (target.role !== 'super_admin' || target.disabledAt !== null) return;
  // Roles of external users that nobody chose here come and go with their tokens.
  const others = await sql`
    SELECT FROM identity.users
    WHERE role = 'super_admin' AND disabled_at IS NULL AND (origin = 'local' OR role_is_set) AND id <> ${target.id}
    LIMIT 1`.execute(trx);
  if (others.rows.length === 0) throw new AppError('LAST_SUPER_ADMIN');
};
