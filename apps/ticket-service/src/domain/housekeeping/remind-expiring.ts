import { ticketEvents } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data } from '../database.ts';

const TOKENS_PER_TRANSACTION = 100;
const DAY_MS = 86_400_000;

type DaysLeft = 30 | 7 | 1;

interface ExpiringToken {
  readonly id: string;
  readonly name: string;
  readonly owner_user_id: string | null;
  readonly expires_at: Date;
  readonly days_left: DaysLeft;
}

/** Tokens that end within 30, 7 or 1 days and whose owner was not told so; others that look pass by. */
const lockExpiring = async (trx: Tools<'tickets'>['trx'], now: Date): Promise<readonly ExpiringToken[]> => {
  const days = (count: DaysLeft): Date => new Date(now.getTime() + count * DAY_MS);
  const found = await sql<ExpiringToken>`
    SELECT id, name, owner_user_id, expires_at, days_left
    FROM tickets.integration_tokens
    CROSS JOIN LATERAL (SELECT CASE
      WHEN expires_at <= ${days(1)} THEN 1 WHEN expires_at <= ${days(7)} THEN 7 ELSE 30
    END AS days_left) AS due
    WHERE status = 'active' AND expires_at > ${now} AND expires_at <= ${days(30)}
      AND (reminded_days_left IS NULL OR reminded_days_left > days_left)
    ORDER BY expires_at LIMIT ${TOKENS_PER_TRANSACTION}
    FOR UPDATE OF integration_tokens SKIP LOCKED
  `.execute(trx);
  return found.rows;
};

/** Says of tokens that they end soon: once each 30, 7 and 1 days before, however many replicas look. Gives how many. */
export const remindExpiring = async (data: Data, signal?: AbortSignal): Promise<number> => {
  let total = 0;
  while (signal?.aborted !== true) {
    const reminded = await transact(data, async ({ trx, emit }) => {
      const tokens = await lockExpiring(trx, data.clock.now());
      for (const { id, name, owner_user_id, expires_at, days_left } of tokens) {
        await sql`
          UPDATE tickets.integration_tokens SET reminded_days_left = ${days_left} WHERE id = ${id}`.execute(
          trx,
        );
        emit(ticketEvents.tokenExpiring, {
          id,
          name,
          owner_user_id,
          expires_at: expires_at.toISOString(),
          days_left,
        });
      }
      return tokens.length;
    });
    total += reminded;
    if (reminded < TOKENS_PER_TRANSACTION) break;
  }
  return total;
};
