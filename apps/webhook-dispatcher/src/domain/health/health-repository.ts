import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

/** What attempts of one endpoint, in the order of their ends, say about its health. */
export interface EndpointOutcomes {
  readonly endpointId: string;
  readonly succeeded: boolean;
  /** After the last success among them, or all. */
  readonly failures: number;
  /** Of the last failure, whether or not a success followed. */
  readonly lastError: string | null;
}

export interface EndpointHealth {
  readonly endpointId: string;
  readonly failingSince: Date | null;
  readonly failures: number;
  readonly openUntil: Date | null;
}

/**
 * Adds outcomes to the health of endpoints, in the order of their ids so that dispatchers wait for each other and do not
 * deadlock. A success closes the circuit. Of a healthy endpoint nothing is written but the time of a success, once a
 * minute: its row is not to be what two thousand attempts a second wait for.
 *
 * @returns the endpoints whose health was written
 */
export const noteOutcomes = async (
  trx: Executor,
  outcomes: readonly EndpointOutcomes[],
  now: Date,
): Promise<readonly EndpointHealth[]> => {
  const values = outcomes.map((one) => ({
    endpoint_id: one.endpointId,
    succeeded: one.succeeded,
    failures: one.failures,
    last_error: one.lastError,
  }));
  const { rows } = await sql<EndpointHealth>`
    INSERT INTO webhook_endpoint_health AS h
      (endpoint_id, failing_since, consecutive_failures, last_success_at, last_failure_at, last_error)
    SELECT o.endpoint_id, CASE WHEN o.failures > 0 THEN ${now}::timestamptz END, o.failures,
      CASE WHEN o.succeeded THEN ${now}::timestamptz END,
      CASE WHEN o.last_error IS NOT NULL THEN ${now}::timestamptz END, o.last_error
    FROM json_to_recordset(${JSON.stringify(values)}::json) AS o
      (endpoint_id uuid, succeeded boolean, failures int, last_error text)
    LEFT JOIN webhook_endpoint_health known ON known.endpoint_id = o.endpoint_id
    WHERE o.last_error IS NOT NULL OR known.failing_since IS NOT NULL OR known.last_success_at IS NULL
      OR known.last_success_at <= ${now}::timestamptz - interval '1 minute'
    ORDER BY o.endpoint_id
    ON CONFLICT (endpoint_id) DO UPDATE
    SET failing_since = CASE
          WHEN excluded.consecutive_failures = 0 THEN NULL
          WHEN excluded.last_success_at IS NULL THEN coalesce(h.failing_since, excluded.failing_since)
          ELSE excluded.failing_since
        END,
      consecutive_failures = excluded.consecutive_failures
        + CASE WHEN excluded.last_success_at IS NULL THEN h.consecutive_failures ELSE 0 END,
      last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
      last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at),
      last_error = coalesce(excluded.last_error, h.last_error),
      circuit_open_until = CASE WHEN excluded.last_success_at IS NULL THEN h.circuit_open_until END
    RETURNING endpoint_id AS "endpointId", failing_since AS "failingSince", consecutive_failures AS failures,
      circuit_open_until AS "openUntil"`.execute(trx);
  return rows;
};

export const openCircuit = async (trx: Executor, endpointId: string, until: Date): Promise<void> => {
  await sql`
    UPDATE webhook_endpoint_health SET circuit_open_until = ${until}::timestamptz
    WHERE endpoint_id = ${endpointId}`.execute(trx);
};
