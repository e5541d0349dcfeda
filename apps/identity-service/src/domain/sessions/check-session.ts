import { identityEvents, type identityRpcs, type UserRole } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { isUuid } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { normalizeEmail } from '../users/email.ts';
import { findUserById, insertUser, type UserRecord, updateUser } from '../users/user-repository.ts';
import { findSession } from './session-repository.ts';

type Question = z.output<typeof identityRpcs.checkSession.request>;
type Verdict = z.input<typeof identityRpcs.checkSession.reply>;
type Refusal = Extract<Verdict, { ok: false }>['reason'];

const refuse = (reason: Refusal): Verdict => ({ ok: false, reason });

const accept = (user: UserRecord, role: UserRole): Verdict => ({
  ok: true,
  email: user.email,
  role,
  business_id: user.businessId,
});

const wholeSecond = (time: Date, round: 'down' | 'up'): number =>
  (round === 'down' ? Math.floor : Math.ceil)(time.getTime() / 1000) * 1000;

const checkLocal = async ({ db }: Data, question: Question): Promise<Verdict> => {
  const { session_id: sessionId } = question;
  const session = sessionId !== null && isUuid(sessionId) ? await findSession(db, sessionId) : null;
  if (!session || session.userId !== question.user_id) return refuse('unknown_session');
  if (session.endedAt !== null) return refuse('session_ended');
  const user = await findUserById(db, question.user_id);
  if (user?.origin !== 'local') return refuse('unknown_user');
  if (user.disabledAt !== null) return refuse('disabled');
  // `iat` has whole seconds. Sessions of before are over anyway, and one that began right after must be good.
  const validFrom = user.tokensValidFrom;
  if (validFrom && Date.parse(question.issued_at) < wholeSecond(validFrom, 'down')) {
    return refuse('signed_out');
  }
  return accept(user, user.role);
};

/** What an external token says of its user is written down at most so often. */
const REFRESH_EXTERNAL_MS = 3_600_000;

/** The row of an external user: made at first sight, brought up to date now and then, never with every request. */
const meetExternal = async (data: Data, question: Question): Promise<UserRecord | null> => {
  const { user_id: id, role, email: given } = question;
  const known = await findUserById(data.db, id);
  if (known && known.origin !== 'external') return null;
  const now = data.clock.now();
  const email = given === null ? null : normalizeEmail(given);
  if (!known) {
    return transact(data, async ({ trx, emit }) => {
      const made = await insertUser(trx, {
        id,
        origin: 'external',
        email,
        emailConfirmedAt: null,
        passwordHash: null,
        role: role ?? 'user',
        businessId: null,
        userMetadata: {},
        at: now,
      });
      // Another replica was faster, or a local user has that id.
      if (!made) {
        const other = await findUserById(trx, id);
        return other?.origin === 'external' ? other : null;
      }
      emit(identityEvents.userChanged, { user_id: id, change: 'created' });
      return updateUser(trx, id, { lastSignInAt: now }, now);
    });
  }
  const seenMs = known.lastSignInAt?.getTime() ?? 0;
  if (now.getTime() - seenMs < REFRESH_EXTERNAL_MS) return known;
  const fromToken = { email: email ?? known.email, ...(known.roleIsSet ? {} : { role: role ?? 'user' }) };
  return transact(data, ({ trx }) => updateUser(trx, id, { ...fromToken, lastSignInAt: now }, now));
};

const checkExternal = async (data: Data, question: Question): Promise<Verdict> => {
  const user = await meetExternal(data, question);
  if (!user) return refuse('unknown_user');
  if (user.disabledAt !== null) return refuse('disabled');
  // A token of the same second may be of before, and another one is to be had at once.
  const validFrom = user.tokensValidFrom;
  if (validFrom && Date.parse(question.issued_at) < wholeSecond(validFrom, 'up')) {
    return refuse('signed_out');
  }
  // What an administrator chose here counts; else what the project's token says now.
  return accept(user, user.roleIsSet ? user.role : (question.role ?? 'user'));
};

/**
 * Whether the session of a token whose signature is good is still open, and who its user is now. The reason of a refusal
 * is for logs.
 */
export const checkSession = async (data: Data, question: Question): Promise<Verdict> => {
  if (question.origin === 'external') return checkExternal(data, question);
  return checkLocal(data, question);
};
