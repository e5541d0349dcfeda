import type { AiSchema } from '@switchboard/db';
import { type Kysely, sql } from 'kysely';
import type { Claim, FailureCode } from './types.ts';

type Executor = Kysely<AiSchema>;

export interface Lease {
  readonly jobId: string;
  readonly workerId: string;
  readonly leaseSeconds: number;
  readonly now: Date;
}

/**
 * A job that ended longer ago than this and is announced again is done again: partner-service announces what is still
 * open there, so the outcome did not reach it.
 */
const LOST_AFTER_SECONDS = 600;

const leaseEnd = ({ now, leaseSeconds }: Lease): Date => new Date(now.getTime() + leaseSeconds * 1000);

/**
 * Takes an analysis for a worker, or says why not. Run it in a transaction: the row is locked until its end, so two
 * workers with the same message cannot both take it. A worker calls it only for jobs that it does not have in hand.
 *
 * @param deadWorkersMax after so many dead workers nobody takes it any more
 */
export const claimAnalysis = async (
  trx: Executor,
  lease: Lease & { readonly deadWorkersMax: number },
): Promise<Claim> => {
  const { jobId, workerId, now, deadWorkersMax } = lease;
  await trx
    .insertInto('analyses')
    .values({ job_id: jobId, created_at: now })
    .onConflict((conflict) => conflict.column('job_id').doNothing())
    .execute();
  const row = await trx
    .selectFrom('analyses')
    .selectAll()
    .where('job_id', '=', jobId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const isLost =
    row.finished_at !== null &&
    row.status !== 'cancelled' &&
    now.getTime() - row.finished_at.getTime() > LOST_AFTER_SECONDS * 1000;
  if (row.status !== 'running' && !isLost) return { kind: 'over' };
  if (row.cancel_requested) {
    await trx
      .updateTable('analyses')
      .set({ status: 'cancelled', finished_at: now, lease_owner: null, lease_until: null })
      .where('job_id', '=', jobId)
      .execute();
    return { kind: 'over' };
  }
  // Its own lease is one that it could not give back while Postgres was away.
  const isOthers = row.lease_owner !== null && row.lease_owner !== workerId;
  const leftMs = isOthers && row.lease_until ? row.lease_until.getTime() - now.getTime() : 0;
  if (leftMs > 0) return { kind: 'busy', retrySeconds: leftMs / 1000 };
  const deadWorkers = row.dead_workers + (isOthers ? 1 : 0);
  await trx
    .updateTable('analyses')
    .set({
      status: 'running',
      finished_at: null,
      duration_seconds: null,
      error_code: null,
      attempt: row.attempt + 1,
      dead_workers: deadWorkers,
      lease_owner: workerId,
      lease_until: leaseEnd(lease),
    })
    .where('job_id', '=', jobId)
    .execute();
  return deadWorkers >= deadWorkersMax
    ? { kind: 'workers_lost', deadWorkers }
    : { kind: 'taken', attempt: row.attempt + 1, deadWorkers };
};

/** Heartbeat: prolongs the lease, and hears whether the job was cancelled meanwhile. */
export const renewLease = async (db: Executor, lease: Lease): Promise<'held' | 'cancelled' | 'lost'> => {
  const row = await db
    .updateTable('analyses')
    .set({ lease_until: leaseEnd(lease) })
    .where('job_id', '=', lease.jobId)
    .where('lease_owner', '=', lease.workerId)
    .returning('cancel_requested')
    .executeTakeFirst();
  if (!row) return 'lost';
  return row.cancel_requested ? 'cancelled' : 'held';
};

/** Gives the analysis back unharmed: the next worker takes it at once and nobody counts as dead. */
export const releaseAnalysis = async (db: Executor, jobId: string, workerId: string): Promise<void> => {
  await db
    .updateTable('analyses')
    .set({ lease_owner: null, lease_until: null })
    .where('job_id', '=', jobId)
    .where('lease_owner', '=', workerId)
    .execute();
};

/** Counts a try that failed. Gives the count, or undefined when the lease was lost. */
export const recordFailure = async (
  db: Executor,
  jobId: string,
  workerId: string,
): Promise<number | undefined> => {
  const row = await db
    .updateTable('analyses')
    .set({ failures: sql`failures + 1` })
    .where('job_id', '=', jobId)
    .where('lease_owner', '=', workerId)
    .returning('failures')
    .executeTakeFirst();
  return row?.failures;
};

export interface Ending {
  readonly jobId: string;
  readonly workerId: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly now: Date;
  readonly durationSeconds?: number;
  readonly errorCode?: FailureCode;
}

/** Ends an analysis. False when the worker no longer has it: then another one's ending counts. */
export const finishAnalysis = async (trx: Executor, ending: Ending): Promise<boolean> => {
  const row = await trx
    .updateTable('analyses')
    .set({
      status: ending.status,
      lease_owner: null,
      lease_until: null,
      finished_at: ending.now,
      duration_seconds: ending.durationSeconds ?? null,
      error_code: ending.errorCode ?? null,
    })
    .where('job_id', '=', ending.jobId)
    .where('lease_owner', '=', ending.workerId)
    .where('status', '=', 'running')
    .returning('job_id')
    .executeTakeFirst();
  return row !== undefined;
};

/**
 * Notes that a job was cancelled. Whoever works on it hears it at its next heartbeat; if the job has not come here yet,
 * the row waits for it.
 */
export const requestCancel = async (trx: Executor, jobId: string, now: Date): Promise<void> => {
  await trx
    .insertInto('analyses')
    .values({ job_id: jobId, created_at: now, cancel_requested: true })
    .onConflict((conflict) => conflict.column('job_id').doUpdateSet({ cancel_requested: true }))
    .execute();
};

/** Removes what ended before `before`, at most `limit` rows. Gives how many. */
export const removeFinished = async (db: Executor, before: Date, limit: number): Promise<number> => {
  const { rows } = await sql<{ job_id: string }>`
    delete from analyses where job_id in (
      select job_id from analyses where finished_at < ${before} order by finished_at limit ${limit}
    ) returning job_id`.execute(db);
  return rows.length;
};
