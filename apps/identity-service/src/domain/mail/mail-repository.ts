import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface WaitingMail {
  readonly id: string;
  readonly kind: string;
  readonly userId: string | null;
  readonly toEmail: string;
  readonly subject: string;
  readonly textEncrypted: string;
  /** This one included. */
  readonly attempts: number;
}

export const insertMail = async (
  trx: Executor,
  mail: {
    readonly id: string;
    readonly kind: string;
    readonly userId: string | null;
    readonly toEmail: string;
    readonly subject: string;
    readonly textEncrypted: string;
    readonly at: Date;
  },
): Promise<void> => {
  await sql`
    INSERT INTO identity.mail (id, kind, user_id, to_email, subject, text_encrypted, next_attempt_at, created_at)
    VALUES (${mail.id}, ${mail.kind}, ${mail.userId}, ${mail.toEmail}, ${mail.subject}, ${mail.textEncrypted},
      ${mail.at}, ${mail.at})`.execute(trx);
};

/** How many mails of a kind a user was sent since then; for nobody, the same question with no answer. */
export const countMail = async (
  executor: Executor,
  which: { readonly userId: string | null; readonly kind: string; readonly since: Date },
): Promise<number> => {
  const counted = await sql<{ count: number }>`
    SELECT count(*)::integer AS count FROM identity.mail
    WHERE user_id = ${which.userId} AND kind = ${which.kind} AND created_at > ${which.since}`.execute(
    executor,
  );
  return counted.rows[0]?.count ?? 0;
};

/** Takes mails that are due; whoever dies with one leaves it to the others after the lease. */
export const claimMail = async (
  executor: Executor,
  { now, leaseUntil, limit }: { readonly now: Date; readonly leaseUntil: Date; readonly limit: number },
): Promise<readonly WaitingMail[]> => {
  const claimed = await sql<WaitingMail>`
    UPDATE identity.mail SET attempts = attempts + 1, next_attempt_at = ${leaseUntil}
    WHERE id IN (
      SELECT id FROM identity.mail WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= ${now}
      ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, user_id AS "userId", to_email AS "toEmail", subject, text_encrypted AS "textEncrypted",
      attempts`.execute(executor);
  return claimed.rows;
};

export const deleteMail = async (executor: Executor, id: string): Promise<void> => {
  await sql`DELETE FROM identity.mail WHERE id = ${id}`.execute(executor);
};

/** Its text goes: it held links that work. */
export const markMailSent = async (executor: Executor, id: string, at: Date): Promise<void> => {
  await sql`
    UPDATE identity.mail SET sent_at = ${at}, text_encrypted = NULL, error = NULL
    WHERE id = ${id} AND failed_at IS NULL`.execute(executor);
};

export const markMailFailed = async (
  executor: Executor,
  id: string,
  failure: { readonly at: Date; readonly error: string },
): Promise<void> => {
  await sql`
    UPDATE identity.mail SET failed_at = ${failure.at}, text_encrypted = NULL, error = ${failure.error}
    WHERE id = ${id} AND sent_at IS NULL`.execute(executor);
};

export const postponeMail = async (
  executor: Executor,
  id: string,
  postponed: { readonly until: Date; readonly error: string },
): Promise<void> => {
  await sql`
    UPDATE identity.mail SET next_attempt_at = ${postponed.until}, error = ${postponed.error}
    WHERE id = ${id} AND sent_at IS NULL AND failed_at IS NULL`.execute(executor);
};
