import { AppError } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { type Insertable, sql } from 'kysely';
import type { Call, Executor } from '../database.ts';
import { isUuid } from './accounts.ts';

export type NewCall = Insertable<Schemas['calls']['calls']>;

/** A call of whatever account, for those who may see all. Throws CALL_NOT_FOUND, of ids that are none too. */
export const findAnyCall = async (executor: Executor, id: string): Promise<Call> => {
  const call = isUuid(id)
    ? await executor.selectFrom('calls').selectAll().where('id', '=', id).executeTakeFirst()
    : undefined;
  if (!call) throw new AppError('CALL_NOT_FOUND');
  return call;
};

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

/** The call, and nobody else changes it before the transaction ends. */
export const lockCall = (trx: Executor, id: string): Promise<Call | undefined> =>
  trx.selectFrom('calls').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();

/** What can become different in a call after it began. */
export type RowChanges = Partial<
  Pick<
    Call,
    | 'status'
    | 'reason'
    | 'ringing_at'
    | 'connected_at'
    | 'ended_at'
    | 'duration_seconds'
    | 'has_media'
    | 'is_muted'
    | 'is_on_hold'
    | 'last_sequence'
    | 'lease_owner'
    | 'lease_until'
  >
>;

/** Changes a call that is locked; gives it as it is then. */
export const updateCall = (trx: Executor, id: string, changes: RowChanges): Promise<Call> =>
  trx.updateTable('calls').set(changes).where('id', '=', id).returningAll().executeTakeFirstOrThrow();

/** What one needs to know of a call to say who may follow it; of whatever account. */
export const findFollowable = (
  executor: Executor,
  id: string,
): Promise<Pick<Call, 'id' | 'account_id'> | undefined> =>
  executor.selectFrom('calls').select(['id', 'account_id']).where('id', '=', id).executeTakeFirst();

/** How far calls are, those that there are. */
export const readProgress = async (
  executor: Executor,
  ids: readonly string[],
): Promise<
  readonly { readonly id: string; readonly last_sequence: number; readonly is_final: boolean }[]
> => {
  if (ids.length === 0) return [];
  const found = await sql<{ id: string; last_sequence: number; is_final: boolean }>`
    SELECT id, last_sequence, ended_at IS NOT NULL AS is_final FROM calls.calls
    WHERE id = ANY(${ids}::uuid[])`.execute(executor);
  return found.rows;
};

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
