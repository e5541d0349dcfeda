import { type RawBuilder, sql } from 'kysely';
import type { Executor } from './executor.ts';

const DAY_MS = 86_400_000;

export interface Retention {
  readonly payloadDays: number;
  readonly attemptDays: number;
}

export const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

/** How far a walk over old rows is; null at its beginning. */
export interface Passed {
  readonly createdAt: Date;
  readonly id: string;
}

/** What one batch of a walk did. */
export interface Batch {
  readonly lookedAt: number;
  readonly removed: number;
  readonly passed: Passed | null;
}

interface BatchRow {
  readonly looked_at: number;
  readonly removed: number;
  readonly passed_at: Date | null;
  readonly passed_id: string | null;
}

const toBatch = (row: BatchRow | undefined): Batch => {
  if (!row) throw new TypeError('a batch gives a row');
  const { passed_at: createdAt, passed_id: id } = row;
  return {
    lookedAt: row.looked_at,
    removed: row.removed,
    passed: createdAt && id ? { createdAt, id } : null,
  };
};

/** Figures of a batch whose rows are called `old`, oldest first. */
const BATCH = sql`
  (SELECT count(*)::int FROM old) AS looked_at,
  (SELECT created_at FROM old ORDER BY created_at DESC, id DESC LIMIT 1) AS passed_at,
  (SELECT id::text FROM old ORDER BY created_at DESC, id DESC LIMIT 1) AS passed_id`;

const behind = (passed: Passed | null, idType: RawBuilder<unknown>): RawBuilder<unknown> =>
  passed ? sql`(created_at, id) > (${passed.createdAt}::timestamptz, ${passed.id}::${idType})` : sql`true`;

/**
 * Empties messages. One that is still to be sent keeps its body; one that is held, and was not asked for in all that time,
 * is exhausted with it, so that nobody is promised what nobody can send.
 */
export const emptyMessages = async (
  executor: Executor,
  { before, now, passed, rowsMax }: BatchInput & { readonly now: Date },
): Promise<Batch> => {
  const { rows } = await sql<BatchRow>`
    WITH old AS MATERIALIZED (
      SELECT id, created_at FROM webhook_messages
      WHERE body IS NOT NULL AND created_at < ${before}::timestamptz AND ${behind(passed, sql`text`)}
      ORDER BY created_at, id LIMIT ${rowsMax}::int FOR NO KEY UPDATE SKIP LOCKED
    ), free AS MATERIALIZED (
      SELECT id FROM old
      WHERE NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.message_id = old.id AND d.status = 'pending')
    ), exhausted AS (
      UPDATE webhook_deliveries d SET status = 'exhausted', finished_at = ${now}::timestamptz
      FROM free WHERE d.message_id = free.id AND d.status = 'held'
    ), emptied AS (
      UPDATE webhook_messages m SET body = NULL FROM free WHERE m.id = free.id RETURNING m.id
    )
    SELECT ${BATCH}, (SELECT count(*)::int FROM emptied) AS removed`.execute(executor);
  return toBatch(rows[0]);
};

export interface BatchInput {
  readonly before: Date;
  readonly passed: Passed | null;
  /** Small, so that nobody waits for the locks. */
  readonly rowsMax: number;
}

/** Removes deliveries that ended, with their attempts, and messages that have none left. */
export const removeDeliveries = async (
  trx: Executor,
  { before, passed, rowsMax }: BatchInput,
): Promise<Batch> => {
  const { rows } = await sql<BatchRow & { message_ids: readonly string[] }>`
    WITH old AS MATERIALIZED (
      SELECT id, created_at, status, finished_at FROM webhook_deliveries
      WHERE created_at < ${before}::timestamptz AND ${behind(passed, sql`uuid`)}
      ORDER BY created_at, id LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM webhook_deliveries d USING old
      WHERE d.id = old.id AND old.status NOT IN ('pending', 'held') AND old.finished_at < ${before}::timestamptz
      RETURNING d.message_id
    )
    SELECT ${BATCH}, count(*)::int AS removed, coalesce(array_agg(message_id), '{}') AS message_ids
    FROM removed`.execute(trx);
  await sql`
    DELETE FROM webhook_messages m
    WHERE m.id = ANY (${rows[0]?.message_ids ?? []}::text[])
      AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.message_id = m.id)`.execute(trx);
  return toBatch(rows[0]);
};

/** Removes attempts; none has to stay, so each batch begins with the oldest. */
export const removeAttempts = async (
  executor: Executor,
  { before, rowsMax }: Pick<BatchInput, 'before' | 'rowsMax'>,
): Promise<Batch> => {
  const { numAffectedRows } = await sql`
    DELETE FROM webhook_attempts
    WHERE (delivery_id, attempt_number) IN (
      SELECT delivery_id, attempt_number FROM webhook_attempts
      WHERE attempted_at < ${before}::timestamptz
      ORDER BY attempted_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )`.execute(executor);
  const removed = Number(numAffectedRows ?? 0);
  return { lookedAt: removed, removed, passed: null };
};

/** Removes replays that are over. There are few of those that are not. */
export const removeReplays = async (
  executor: Executor,
  { before, rowsMax }: Pick<BatchInput, 'before' | 'rowsMax'>,
): Promise<Batch> => {
  const { numAffectedRows } = await sql`
    DELETE FROM webhook_replays
    WHERE id IN (
      SELECT id FROM webhook_replays WHERE created_at < ${before}::timestamptz AND status <> 'running'
      ORDER BY created_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )`.execute(executor);
  const removed = Number(numAffectedRows ?? 0);
  return { lookedAt: removed, removed, passed: null };
};
