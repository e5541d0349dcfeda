import { AppError, adminUserAnswer, type createUserBody, identityAdminRoutes } from '@switchboard/contracts';
import type { IdempotentAnswer } from '@switchboard/db';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { assertGoodPassword } from '../passwords/good-password.ts';
import { redirectOrHome } from '../redirects.ts';
import { queueTokenMail } from '../sign-in/queue-token-mail.ts';
import { createUser } from '../users/create-user.ts';
import { requireEmail } from '../users/email.ts';
import { beginActUponUsers, requireRankFor } from './rules.ts';
import { type RepeatableContext, runAdminOnce } from './run-admin-once.ts';
import { emitUserAct } from './user-act.ts';
import { adminUser } from './user-answers.ts';

/**
 * Makes a user whose address counts as confirmed. Without a password it gets a mail with a link to choose one.
 *
 * @throws INSUFFICIENT_ROLE, EMAIL_EXISTS, WEAK_PASSWORD, DUPLICATE_REQUEST
 */
export const createUserAsAdmin = async (
  deps: Deps,
  admin: RepeatableContext,
  { password, ...input }: z.output<typeof createUserBody>,
): Promise<IdempotentAnswer<z.output<typeof adminUserAnswer>>> => {
  const email = requireEmail(input.email);
  if (password !== undefined) assertGoodPassword(password);
  // Before the transaction, which shall not wait for a slow hash.
  const passwordHash = password === undefined ? null : await deps.hashing.hash(password);
  // The plain hash of a request with a password in it would be an invitation to guess.
  const passwordMac = deps.secrets
    .macs('passwords in idempotent requests', password ?? '')[0]
    ?.toString('hex');
  return runAdminOnce(
    deps,
    admin,
    {
      route: identityAdminRoutes.createUser,
      request: { ...input, email, passwordMac },
      status: 201,
      answer: adminUserAnswer,
    },
    async (tools) => {
      requireRankFor(await beginActUponUsers(tools.trx, admin.principal), input.role);
      const user = await createUser(tools, deps, {
        email,
        isConfirmed: true,
        passwordHash,
        role: input.role,
        businessId: input.business_id ?? null,
        userMetadata: input.name === undefined ? {} : { name: input.name },
      });
      if (!user) throw new AppError('EMAIL_EXISTS');
      if (passwordHash === null) {
        const redirectTo = redirectOrHome(deps.config, null);
        const mail = { purpose: 'recovery', userId: user.id, email, challenge: null, redirectTo } as const;
        await queueTokenMail(tools, deps, mail);
      }
      emitUserAct(tools.emit, admin, 'user.create', user, {
        before: null,
        after: { email, role: user.role, business_id: user.businessId, with_password: passwordHash !== null },
      });
      return adminUser(user);
    },
  );
};
