import { partnerEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data, Executor } from '../database.ts';
import { ownerOf } from './owner.ts';

const KEYS_PER_TRANSACTION = 100;
const DAY_MS = 86_400_000;

interface ExpiringKey {
  readonly id: string;
  readonly partnerName: string;
  readonly createdBy: string;
  readonly expiresAt: Date;
  readonly daysLeft: 30 | 7 | 1;
}

/**
 * Keys whose next reminder is due; those that another replica reminds of are left out. One that was missed is not made
 * good: a key with six days left has no use for being told that it has thirty.
 */
const lockUnreminded = async (executor: Executor, now: Date): Promise<readonly ExpiringKey[]> => {
  const inDays = (days: number) => new Date(now.getTime() + days * DAY_MS);
  const found = await sql<ExpiringKey>`
    SELECT k.id, k.partner_name AS "partnerName", k.created_by AS "createdBy", k.expires_at AS "expiresAt",
      due.days_left AS "daysLeft"
    FROM partner.partner_api_keys k
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN k.expires_at <= ${inDays(1)}::timestamptz THEN 1
        WHEN k.expires_at <= ${inDays(7)}::timestamptz THEN 7
        ELSE 30
      END AS days_left
    ) AS due
    WHERE k.is_active AND k.expires_at > ${now}::timestamptz AND k.expires_at <= ${inDays(30)}::timestamptz
      AND (k.reminded_days_left IS NULL OR k.reminded_days_left > due.days_left)
    ORDER BY k.expires_at
    LIMIT ${KEYS_PER_TRANSACTION}
    FOR UPDATE OF k SKIP LOCKED`.execute(executor);
  return found.rows;
};

/**
 * Says of keys that end by themselves in 30, 7 or 1 days that they do, once each: what was said is kept in the
 * transaction of the event. Gives how many.
 */
export const remindExpiring = async (data: Data, signal?: AbortSignal): Promise<number> => {
  for (let reminded = 0; ; ) {
    const batch = await transact(data, async ({ trx, emit }) => {
      const keys = await lockUnreminded(trx, data.clock.now());
      for (const key of keys) {
        await sql`
          UPDATE partner.partner_api_keys SET reminded_days_left = ${key.daysLeft} WHERE id = ${key.id}
        `.execute(trx);
        emit(partnerEvents.keyExpiring, {
          id: key.id,
          name: key.partnerName,
          owner_user_id: ownerOf(key),
          expires_at: key.expiresAt.toISOString(),
          days_left: key.daysLeft,
        });
      }
      return keys.length;
    });
    reminded += batch;
    if (batch < KEYS_PER_TRANSACTION || signal?.aborted) return reminded;
  }
};
