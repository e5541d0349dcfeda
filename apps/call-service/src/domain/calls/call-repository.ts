import { AppError } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { type Insertable, sql } from 'kysely';
import type { Call, Executor } from '../database.ts';
import { isUuid } from './accounts.ts';

export type NewCall = Insertable<Schemas['calls']['calls']>;

/** A call of an account. Throws CALL_NOT_FOUND, of calls of others and of ids that are none just the same. */
export const findCall = async (executor: Executor, accountId: string, id: string): Promise<Call> => {
  const call = isUuid(id)
    ? await executor
        .selectFrom('calls')
        .selectAll()
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .executeTakeFirst()
    : undefined;
  if (!call) throw new AppError('CALL_NOT_FOUND');
  return call;
};

export const insertCall = (trx: Executor, call: NewCall): Promise<Call> =>
  trx.insertInto('calls').values(call).returningAll().executeTakeFirstOrThrow();

/** How many calls of an account are not over; counts no further than `max`. */
export const countActive = async (executor: Executor, accountId: string, max: number): Promise<number> => {
  const counted = await sql<{ calls: number }>`
    SELECT count(*)::int AS calls FROM (
      SELECT FROM calls.calls
      WHERE account_id = ${accountId} AND ended_at IS NULL LIMIT ${max}
    ) active`.execute(executor);
  return counted.rows[0]?.calls ?? 0;
};

/** Any text, always the same: keeps these locks apart from others. */
const STARTS = 'starts of calls';

/** Calls of an account that begin at once begin one after another from here to the end of the transaction. */
export const lockStarts = async (trx: Executor, accountId: string): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${accountId}, hashtext(${STARTS})))`.execute(trx);
};
