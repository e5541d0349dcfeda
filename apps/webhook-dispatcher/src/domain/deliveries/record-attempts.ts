import type { DeliveryStatus } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import { nextAttemptAt, readRetryAfter, stepAfter, stepFactor } from './schedule.ts';
import type { AttemptResult, FinishedAttempt, LeasedDelivery } from './types.ts';

/** What becomes of a delivery after an attempt, as far as the attempt decides. */
export interface Verdict {
  /** `held`: its endpoint says that it is gone for good. */
  readonly status: 'pending' | 'held' | 'succeeded' | 'exhausted';
  readonly step: number;
  /** Null when no attempt is to come. */
  readonly dueAt: Date | null;
}

/** What is on record of an attempt whose dispatcher ended before it knew. */
export const LOST = 'outcome unknown: the dispatcher ended during the attempt';
const GONE = 410;

/** 410 ends an endpoint; to a callback it is a failure like any other, because the guide promises three attempts. */
export const isGone = (
  { signing }: Pick<LeasedDelivery, 'signing'>,
  { answer }: Pick<AttemptResult, 'answer'>,
): boolean => signing.profile === 'standard' && answer?.status === GONE;

/** Decides by the schedule: a failed attempt uses up a step, a lost one is made good at once. */
export const judgeAttempt = (
  delivery: Pick<LeasedDelivery, 'attemptNumber' | 'step' | 'earlierAttempts' | 'schedule' | 'signing'>,
  result: Pick<AttemptResult, 'outcome' | 'answer'>,
  now: Date,
  random: () => number,
): Verdict => {
  const { outcome, answer } = result;
  if (outcome === 'succeeded') return { status: 'succeeded', step: delivery.step + 1, dueAt: null };
  const step = stepAfter(delivery, outcome);
  if (isGone(delivery, result)) return { status: 'held', step, dueAt: null };
  const retryAfterSeconds = readRetryAfter(answer?.headers['retry-after'], now);
  const factor = stepFactor(delivery.signing.profile, random);
  const dueAt =
    step === delivery.step ? now : nextAttemptAt(delivery.schedule, step, now, { retryAfterSeconds, factor });
  return dueAt === null ? { status: 'exhausted', step, dueAt } : { status: 'pending', step, dueAt };
};

export interface JudgedAttempt extends FinishedAttempt {
  readonly verdict: Verdict;
}

/** Where a delivery stands once its attempt is on record. */
export interface RecordedState {
  readonly status: DeliveryStatus;
  readonly dueAt: Date | null;
  /** Its endpoint got another address during the attempt, about which that says nothing. */
  readonly hasMoved: boolean;
}

/**
 * That a delivery `d`, found by its id, is pending. Said so that Postgres does not think of the indexes of what is pending:
 * it takes one lease owner's rows for a single one, and reads all that waits (100,000 for a target that hangs) to find it.
 */
export const isPending = sql`d.status || '' = 'pending'`;

/**
 * Writes attempts, and where their deliveries stand after them, in two statements however many there are. What would be
 * attempted again is held if its endpoint was disabled meanwhile, and cancelled if it was deleted. What the old address of an
 * endpoint says to be gone goes to the new one.
 *
 * The lease is the fence: a delivery that meanwhile went to another dispatcher (this one was thought dead) is left
 * as that one has it. The attempt then is on record as lost already, and its row gets the outcome it really had.
 *
 * @returns the deliveries whose state was written; only for these events may be published
 */
export const recordAttempts = async (
  trx: Executor,
  owner: string,
  finished: readonly JudgedAttempt[],
  now: Date,
): Promise<ReadonlyMap<string, RecordedState>> => {
  // In the order of their ids, as whoever retries several locks them: the two wait for each other and do not deadlock.
  const attempts = finished.toSorted((one, other) => (one.delivery.id < other.delivery.id ? -1 : 1));
  const states = attempts.map(({ delivery, verdict }) => ({
    id: delivery.id,
    attempt_number: delivery.attemptNumber,
    status: verdict.status,
    step: verdict.step,
    due_at: verdict.dueAt,
    endpoint_id: delivery.signing.profile === 'standard' ? delivery.signing.endpointId : null,
    url: delivery.url,
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
  const written = await sql<{ id: string; status: DeliveryStatus; due_at: Date | null; moved: boolean }>`
    UPDATE webhook_deliveries d
    SET status = s.becomes, attempt_count = s.attempt_number, schedule_step = s.step,
      due_at = CASE WHEN s.becomes = 'pending' THEN coalesce(s.due_at, ${now}::timestamptz) END,
      finished_at = CASE WHEN s.becomes IN ('succeeded', 'exhausted', 'cancelled') THEN ${now}::timestamptz END,
      lease_owner = NULL, leased_at = NULL
    FROM (
      SELECT r.*, e.url IS NOT NULL AND e.url <> r.url AS moved, CASE
          WHEN r.status IN ('succeeded', 'exhausted') THEN r.status
          WHEN e.deleted_at IS NOT NULL THEN 'cancelled'
          WHEN e.status = 'disabled' THEN 'held'
          WHEN r.status = 'held' AND e.url <> r.url THEN 'pending'
          ELSE r.status
        END AS becomes
      FROM json_to_recordset(${JSON.stringify(states)}::json) AS r
        (id uuid, attempt_number int, status text, step int, due_at timestamptz, endpoint_id uuid, url text)
      LEFT JOIN webhook_endpoints e ON e.id = r.endpoint_id
    ) s
    WHERE d.id = s.id AND ${isPending} AND d.lease_owner = ${owner}
      AND d.attempt_count = s.attempt_number - 1
    RETURNING d.id, d.status, d.due_at, s.moved`.execute(trx);
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
  return new Map(
    written.rows.map(({ id, status, due_at, moved }) => [id, { status, dueAt: due_at, hasMoved: moved }]),
  );
};
