import { type RawBuilder, sql } from 'kysely';
import type { DataContext } from '../context.ts';
import type { SchemaName } from '../schemas/index.ts';

export interface KeepTimes {
  /** Published events, for a stream that is lost; default 72 h. */
  readonly outboxSeconds: number;
  /**
   * What was handled; default 11 days. Longer than an event can come again: it may be published once more 72 h after
   * the first time, and a consumer that is made anew reads the 7 days that a stream keeps.
   */
  readonly inboxSeconds: number;
}

export const keepTimes: KeepTimes = { outboxSeconds: 72 * 3600, inboxSeconds: 11 * 86_400 };

const ROWS_PER_DELETE = 1_000;

/**
 * Deletes what is past its time from outbox, inbox and idempotency records, in small transactions so that nobody
 * waits for it. Gives the number of rows.
 */
export const cleanUp = async <Name extends SchemaName>(
  ctx: DataContext<Name>,
  keep: KeepTimes = keepTimes,
  signal?: AbortSignal,
): Promise<number> => {
  const nowMs = ctx.clock.now().getTime();
  const outboxBefore = new Date(nowMs - keep.outboxSeconds * 1000);
  const inboxBefore = new Date(nowMs - keep.inboxSeconds * 1000);
  const now = new Date(nowMs);
  const steps: (() => RawBuilder<unknown>)[] = [
    // By the first publication: an event that is published again does not live longer than what was handled.
    () => sql`delete from outbox where id in (
      select id from outbox where published_at is not null and first_published_at < ${outboxBefore}
      order by first_published_at limit ${ROWS_PER_DELETE} for update skip locked)`,
    () => sql`delete from inbox where (consumer, event_id) in (
      select consumer, event_id from inbox where handled_at < ${inboxBefore}
      order by handled_at limit ${ROWS_PER_DELETE} for update skip locked)`,
    () => sql`delete from idempotency_records where (scope, key) in (
      select scope, key from idempotency_records where expires_at <= ${now}
      order by expires_at limit ${ROWS_PER_DELETE} for update skip locked)`,
  ];
  let total = 0;
  for (const step of steps) {
    for (let deleted = ROWS_PER_DELETE; deleted === ROWS_PER_DELETE && signal?.aborted !== true; ) {
      deleted = Number((await step().execute(ctx.db)).numAffectedRows ?? 0);
      total += deleted;
    }
  }
  return total;
};
