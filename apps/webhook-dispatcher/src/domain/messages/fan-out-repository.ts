import type { Environment } from '@switchboard/contracts';
import { sql } from 'kysely';
import { liveSecrets } from '../deliveries/claim-deliveries.ts';
import type { Executor } from '../deliveries/executor.ts';
import type { EndpointRecord } from '../endpoints/endpoint-repository.ts';

/** Whose endpoints, and which of them. */
export interface Addressee {
  readonly owner: string;
  readonly environment: Environment;
  /** Of endpoints that may take something: one of these is enough. */
  readonly patterns: readonly string[];
}

/** An endpoint as far as whoever fans out has to know it. */
export interface Taker
  extends Pick<
    EndpointRecord,
    | 'id'
    | 'owner'
    | 'environment'
    | 'url'
    | 'eventTypes'
    | 'status'
    | 'scheduleSeconds'
    | 'ratePerSecond'
    | 'concurrency'
    | 'headersSealed'
  > {
  readonly circuitOpenUntil: Date | null;
  /** Every live secret, the current one first. */
  readonly secretsSealed: readonly string[];
}

/**
 * Locks the sequences of the endpoints that may take something: until the transaction ends, nobody else gives them numbers.
 * In the order of the ids, so that two who need the same ones wait for each other and do not deadlock.
 */
export const lockSequences = async (
  trx: Executor,
  addressees: readonly Addressee[],
): Promise<readonly string[]> => {
  const { rows } = await sql<{ endpoint_id: string }>`
    SELECT endpoint_id FROM webhook_endpoint_sequences
    WHERE endpoint_id = ANY (ARRAY(
      SELECT taker.id
      FROM json_to_recordset(${JSON.stringify(addressees)}::json) AS a (owner text, environment text, patterns text[])
      -- One owner after the other, by the index: as a plain join, 6,000 endpoints of others are all read for one message.
      CROSS JOIN LATERAL (
        SELECT e.id FROM webhook_endpoints e
        WHERE e.owner = a.owner AND e.environment = a.environment AND e.event_types && a.patterns
          AND e.deleted_at IS NULL
        OFFSET 0
      ) taker
    ))
    ORDER BY endpoint_id
    FOR UPDATE`.execute(trx);
  return rows.map((row) => row.endpoint_id);
};

/**
 * Endpoints as they are now, and will be until the transaction ends: whoever disables or deletes one waits, and then finds
 * all its deliveries. After `lockSequences`, so that one transaction after the other holds them, and a flood of messages
 * does not keep out for ever who wants to change one.
 */
export const readTakers = async (
  trx: Executor,
  endpointIds: readonly string[],
  now: Date,
): Promise<readonly Taker[]> => {
  const { rows } = await sql<Taker>`
    SELECT e.id, e.owner, e.environment, e.url, e.event_types AS "eventTypes", e.status,
      e.schedule_seconds AS "scheduleSeconds", e.rate_per_second AS "ratePerSecond", e.concurrency,
      e.headers_sealed AS "headersSealed", h.circuit_open_until AS "circuitOpenUntil",
      ${liveSecrets(now)} AS "secretsSealed"
    FROM webhook_endpoints e LEFT JOIN webhook_endpoint_health h ON h.endpoint_id = e.id
    WHERE e.id = ANY (${endpointIds}::uuid[]) AND e.deleted_at IS NULL
    ORDER BY e.id
    FOR SHARE OF e`.execute(trx);
  return rows;
};

/** Uses up numbers of sequences that are locked. Gives the last of each endpoint. */
export const advanceSequences = async (
  trx: Executor,
  counts: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ endpoint_id: string; last_sequence: number }>`
    UPDATE webhook_endpoint_sequences s SET last_sequence = s.last_sequence + used.count
    FROM unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::int[]) AS used (endpoint_id, count)
    WHERE s.endpoint_id = used.endpoint_id
    RETURNING s.endpoint_id, s.last_sequence`.execute(trx);
  return new Map(rows.map((row) => [row.endpoint_id, row.last_sequence]));
};
