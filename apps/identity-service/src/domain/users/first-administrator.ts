import { AppError, identityEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { ownActOf } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../database.ts';
import { assertGoodPassword } from '../passwords/good-password.ts';
import { createUser } from './create-user.ts';
import { normalizeEmail } from './email.ts';

const hasSuperAdmin = async (executor: Executor): Promise<boolean> => {
  const found = await sql`SELECT FROM identity.users WHERE role = 'super_admin' LIMIT 1`.execute(executor);
  return found.rows.length > 0;
};

/**
 * Makes ADMIN_EMAIL a super_admin when there is none yet. Replicas that boot together make one. An address that somebody
 * signed up with before is left alone: whoever that was chose the password.
 */
export const makeFirstAdministrator = async (deps: Deps): Promise<void> => {
  const { config, data, hashing } = deps;
  const { email: given, password } = config.firstAdministrator;
  if ((given === undefined && password === undefined) || (await hasSuperAdmin(data.db))) return;
  if (given === undefined || password === undefined) {
    // Not a fault of the settings: once there is an administrator, either may go, the password above all.
    data.log.error({}, 'ADMIN_EMAIL and ADMIN_PASSWORD go together: there is no administrator');
    return;
  }
  const email = normalizeEmail(given);
  if (email === null) {
    data.log.error({}, 'ADMIN_EMAIL is not an e-mail address: there is no administrator');
    return;
  }
  try {
    assertGoodPassword(password);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Not fatal: everybody else can sign in, and a better password is taken at the next start.
    data.log.error({ reason: error.message }, 'ADMIN_PASSWORD cannot be used: there is no administrator');
    return;
  }
  const passwordHash = await hashing.hash(password);
  const outcome = await transact(data, async (tools) => {
    const { trx, emit } = tools;
    await sql`SELECT pg_advisory_xact_lock(hashtext('identity.first_administrator'))`.execute(trx);
    if (await hasSuperAdmin(trx)) return 'not needed';
    const user = await createUser(tools, deps, {
      email,
      isConfirmed: true,
      passwordHash,
      role: 'super_admin',
    });
    if (!user) return 'address taken';
    emit(
      identityEvents.adminActed,
      ownActOf({
        action: 'user.create',
        target: { type: 'user', id: user.id, name: email },
        before: null,
        after: { email, role: 'super_admin' },
      }),
    );
    return 'made';
  });
  if (outcome === 'made') data.log.info({ email }, 'The first administrator was made');
  if (outcome === 'address taken') {
    data.log.error(
      { email },
      'ADMIN_EMAIL is the address of a user already: choose another one, or make that user super_admin by `npx switchboard users`',
    );
  }
};
