import { identityEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data, Executor } from '../database.ts';
import { writeReminder } from './api-key-repository.ts';
import { dueReminder, reminderDays } from './reminder-days.ts';

const KEYS_PER_BATCH = 100;
const DAY_MS = 86_400_000;

interface ExpiringKey {
  readonly id: string;
  readonly name: string;
  readonly createdBy: string | null;
  readonly expiresAt: Date;
}

/** Keys with a reminder that is due and was not sent; locked, and those that another replica holds left out. */
const lockDue = async (executor: Executor, now: Date): Promise<readonly ExpiringKey[]> => {
  const within = (days: number) => new Date(now.getTime() + days * DAY_MS);
  const due = reminderDays.map(
    (days) =>
      sql`(expires_at <= ${within(days)} AND (reminded_days_left IS NULL OR reminded_days_left > ${days}))`,
  );
  const found = await sql<ExpiringKey>`
    SELECT id, name, created_by AS "createdBy", expires_at AS "expiresAt"
    FROM identity.api_keys
    WHERE is_active AND expires_at > ${now} AND (${sql.join(due, sql` OR `)})
    ORDER BY expires_at LIMIT ${KEYS_PER_BATCH}
    FOR UPDATE SKIP LOCKED
  `.execute(executor);
  return found.rows;
};

const remindBatch = (data: Data): Promise<number> =>
  transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    const keys = await lockDue(trx, now);
    for (const key of keys) {
      const daysLeft = dueReminder(key.expiresAt, now);
      if (daysLeft === null) continue;
      await writeReminder(trx, key.id, daysLeft);
      emit(identityEvents.apiKeyExpiring, {
        id: key.id,
        name: key.name,
        owner_user_id: key.createdBy,
        expires_at: key.expiresAt.toISOString(),
        days_left: daysLeft,
      });
    }
    return keys.length;
  });

/**
 * Says of every API key that it ends in 30, 7 and 1 days: each once, because it is written down with the event. Who was
 * away for a while says only the nearest.
 */
export const remindOfExpiry = async (data: Data, signal?: AbortSignal): Promise<{ reminded: number }> => {
  let reminded = 0;
  while (signal?.aborted !== true) {
    const batch = await remindBatch(data);
    reminded += batch;
    if (batch < KEYS_PER_BATCH) break;
  }
  return { reminded };
};
