import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import { nextAttemptAt, readRetryAfter, stepAfter } from './schedule.ts';
import type { AttemptResult, FinishedAttempt, LeasedDelivery } from './types.ts';

/** What becomes of a delivery after an attempt. */
export interface Verdict {
  readonly status: 'pending' | 'succeeded' | 'exhausted';
  readonly step: number;
  /** Null when it is over. */
  readonly dueAt: Date | null;
}

/** Decides by the schedule: a failed attempt uses up a step, a lost one is made good at once. */
export const judgeAttempt = (
  delivery: Pick<LeasedDelivery, 'attemptNumber' | 'step' | 'schedule'>,
  { outcome, answer }: Pick<AttemptResult, 'outcome' | 'answer'>,
  now: Date,
): Verdict => {
  if (outcome === 'succeeded') return { status: 'succeeded', step: delivery.step + 1, dueAt: null };
  const step = stepAfter(delivery, outcome);
  const retryAfterSeconds = readRetryAfter(answer?.headers['retry-after'], now);
  const dueAt = step === delivery.step ? now : nextAttemptAt(delivery.schedule, step, now, retryAfterSeconds);
  return dueAt === null ? { status: 'exhausted', step, dueAt } : { status: 'pending', step, dueAt };
};

export interface JudgedAttempt extends FinishedAttempt {
  readonly verdict: Verdict;
}

/**
 * Writes attempts, and where their deliveries stand after them, in two statements however many there are.
 *
 * The lease is the fence: a delivery that meanwhile went to another dispatcher (this one was thought dead) is left
 * as that one has it. The attempt then is on record as lost already, and its row gets the outcome it really had.
 *
 * @returns the deliveries whose state was written; only for these events may be published
 */
export const recordAttempts = async (
  trx: Executor,
  owner: string,
  attempts: readonly JudgedAttempt[],
  now: Date,
): Promise<ReadonlySet<string>> => {
  const states = attempts.map(({ delivery, verdict }) => ({
    id: delivery.id,
    attempt_number: delivery.attemptNumber,
    status: verdict.status,
    step: verdict.step,
    due_at: verdict.dueAt,
    finished_at: verdict.status === 'pending' ? null : now,
  }));
  const rows = attempts.map(({ delivery, result }) => ({
    delivery_id: delivery.id,
    attempt_number: delivery.attemptNumber,
    outcome: result.outcome,
    http_status: result.answer?.status ?? null,
    answer_headers: result.answer?.headers ?? null,
    answer_body: result.answer?.body ?? null,
    duration_ms: result.durationMs,
    error: result.error,
    attempted_at: result.attemptedAt,
    replay_id: delivery.replayId,
  }));
  const written = await sql<{ id: string }>`
    UPDATE webhook_deliveries d
    SET status = s.status, attempt_count = s.attempt_number, schedule_step = s.step, due_at = s.due_at,
      finished_at = s.finished_at, lease_owner = NULL, leased_at = NULL
    FROM json_to_recordset(${JSON.stringify(states)}::json) AS s
      (id uuid, attempt_number int, status text, step int, due_at timestamptz, finished_at timestamptz)
    WHERE d.id = s.id AND d.status = 'pending' AND d.lease_owner = ${owner}
      AND d.attempt_count = s.attempt_number - 1
    RETURNING d.id`.execute(trx);
  await sql`
    INSERT INTO webhook_attempts AS a (delivery_id, attempt_number, outcome, http_status, answer_headers, answer_body,
      duration_ms, error, attempted_at, replay_id)
    SELECT r.* FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r
      (delivery_id uuid, attempt_number int, outcome text, http_status int, answer_headers jsonb, answer_body text,
       duration_ms int, error text, attempted_at timestamptz, replay_id uuid)
    ON CONFLICT (delivery_id, attempt_number) DO UPDATE
    SET outcome = excluded.outcome, http_status = excluded.http_status, answer_headers = excluded.answer_headers,
      answer_body = excluded.answer_body, duration_ms = excluded.duration_ms, error = excluded.error,
      attempted_at = excluded.attempted_at
    WHERE a.outcome = 'lost'`.execute(trx);
  return new Set(written.rows.map((row) => row.id));
};
