import { AppError, type Environment } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';
import type { Lane } from '../deliveries/types.ts';

/** What an administrator sets of an endpoint; its headers beside it, because their values are encrypted. */
export interface EndpointSettings {
  readonly url: string;
  readonly description: string | null;
  readonly eventTypes: readonly string[];
  readonly headerNames: readonly string[];
  readonly headersSealed: string | null;
  /** Null: the platform's. */
  readonly scheduleSeconds: readonly number[] | null;
  readonly ratePerSecond: number | null;
  readonly concurrency: number;
}

export interface EndpointRecord extends EndpointSettings {
  readonly id: string;
  readonly owner: string;
  readonly environment: Environment;
  readonly status: 'enabled' | 'disabled';
  readonly disabledReason: DisabledReason | null;
  readonly disabledAt: Date | null;
  /** The user who made it. */
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type DisabledReason = 'manual' | 'gone' | 'failing';

const COLUMNS = sql`
  e.id, e.owner, e.environment, e.url, e.description, e.event_types AS "eventTypes", e.header_names AS "headerNames",
  e.headers_sealed AS "headersSealed", e.schedule_seconds AS "scheduleSeconds", e.rate_per_second AS "ratePerSecond",
  e.concurrency, e.status, e.disabled_reason AS "disabledReason", e.disabled_at AS "disabledAt",
  e.created_by AS "createdBy", e.created_at AS "createdAt", e.updated_at AS "updatedAt"`;

/** The endpoint's line: bounded by its own settings. Its circuit is known to who claims, not here. */
export const laneOfEndpoint = (
  endpoint: Pick<EndpointRecord, 'id' | 'owner' | 'concurrency' | 'ratePerSecond'>,
): Lane => ({
  lane: endpoint.id,
  owner: endpoint.owner,
  concurrency: endpoint.concurrency,
  ratePerSecond: endpoint.ratePerSecond,
  openUntil: null,
});

/** Null: there is none, or it was deleted. */
export const findEndpoint = async (
  executor: Executor,
  endpointId: string,
): Promise<EndpointRecord | null> => {
  const { rows } = await sql<EndpointRecord>`
    SELECT ${COLUMNS} FROM webhook_endpoints e WHERE e.id = ${endpointId} AND e.deleted_at IS NULL`.execute(
    executor,
  );
  return rows[0] ?? null;
};

/** @throws ENDPOINT_NOT_FOUND */
export const requireEndpoint = async (executor: Executor, endpointId: string): Promise<EndpointRecord> => {
  const endpoint = await findEndpoint(executor, endpointId);
  if (!endpoint) throw new AppError('ENDPOINT_NOT_FOUND');
  return endpoint;
};

/**
 * Takes an endpoint for changing it; others who want to wait until the transaction ends, and so do messages to it, which are
 * then stored for what it has become (`readTakers`). Whoever needs its sequence or its health too locks that first.
 *
 * @throws ENDPOINT_NOT_FOUND
 */
export const lockEndpoint = async (trx: Executor, endpointId: string): Promise<EndpointRecord> => {
  const { rows } = await sql<EndpointRecord>`
    SELECT ${COLUMNS} FROM webhook_endpoints e WHERE e.id = ${endpointId} AND e.deleted_at IS NULL
    FOR NO KEY UPDATE`.execute(trx);
  const [endpoint] = rows;
  if (!endpoint) throw new AppError('ENDPOINT_NOT_FOUND');
  return endpoint;
};

/** What is shown of a secret. */
export interface SecretRecord {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

/** An endpoint, and all that is known of it beside its settings. */
export interface EndpointDetails extends EndpointRecord {
  /** Those that sign, the current one first. */
  readonly secrets: readonly SecretRecord[];
  readonly lastSequence: number;
  readonly failingSince: Date | null;
  readonly consecutiveFailures: number;
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
  readonly lastError: string | null;
  readonly circuitOpenUntil: Date | null;
}

interface DetailsRow extends Omit<EndpointDetails, 'secrets'> {
  // As JSON: times as text.
  readonly secrets: readonly {
    readonly id: string;
    readonly createdAt: string;
    readonly expiresAt: string | null;
  }[];
}

const detailsOf = ({ secrets, ...row }: DetailsRow): EndpointDetails => ({
  ...row,
  secrets: secrets.map(({ id, createdAt, expiresAt }) => ({
    id,
    createdAt: new Date(createdAt),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  })),
});

const detailColumns = (now: Date) => sql`
  ${COLUMNS}, coalesce(q.last_sequence, 0) AS "lastSequence", h.failing_since AS "failingSince",
  coalesce(h.consecutive_failures, 0) AS "consecutiveFailures", h.last_success_at AS "lastSuccessAt",
  h.last_failure_at AS "lastFailureAt", h.last_error AS "lastError", h.circuit_open_until AS "circuitOpenUntil",
  (SELECT coalesce(json_agg(json_build_object('id', s.id, 'createdAt', s.created_at, 'expiresAt', s.expires_at)
     ORDER BY s.expires_at IS NOT NULL, s.created_at DESC, s.id DESC), '[]')
   FROM webhook_endpoint_secrets s
   WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > ${now}::timestamptz)) AS secrets`;
const DETAIL_TABLES = sql`
  LEFT JOIN webhook_endpoint_sequences q ON q.endpoint_id = e.id
  LEFT JOIN webhook_endpoint_health h ON h.endpoint_id = e.id`;

/** @throws ENDPOINT_NOT_FOUND */
export const requireEndpointDetails = async (
  executor: Executor,
  endpointId: string,
  now: Date,
): Promise<EndpointDetails> => {
  const { rows } = await sql<DetailsRow>`
    SELECT ${detailColumns(now)} FROM webhook_endpoints e ${DETAIL_TABLES}
    WHERE e.id = ${endpointId} AND e.deleted_at IS NULL`.execute(executor);
  const [row] = rows;
  if (!row) throw new AppError('ENDPOINT_NOT_FOUND');
  return detailsOf(row);
};

export interface EndpointFilter {
  readonly owner: string | null;
  readonly environment: Environment | null;
  readonly status: EndpointRecord['status'] | null;
}

/** Endpoints newest first, one more than `limit` when there are more. */
export const listEndpoints = async (
  executor: Executor,
  { owner, environment, status }: EndpointFilter,
  page: { readonly limit: number; readonly after: Position | null; readonly now: Date },
): Promise<readonly EndpointDetails[]> => {
  const { after } = page;
  // The page is found before anything is looked up for it.
  const { rows } = await sql<DetailsRow>`
    SELECT ${detailColumns(page.now)}
    FROM (
      SELECT * FROM webhook_endpoints
      WHERE deleted_at IS NULL
        AND ${owner === null ? sql`true` : sql`owner = ${owner}`}
        AND ${environment === null ? sql`true` : sql`environment = ${environment}`}
        AND ${status === null ? sql`true` : sql`status = ${status}`}
        AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
      ORDER BY created_at DESC, id DESC
      LIMIT ${page.limit + 1}
    ) e ${DETAIL_TABLES}
    ORDER BY e.created_at DESC, e.id DESC`.execute(executor);
  return rows.map(detailsOf);
};

export interface NewEndpoint extends EndpointSettings {
  readonly id: string;
  readonly owner: string;
  readonly environment: Environment;
  readonly createdBy: string | null;
  readonly at: Date;
}

/** Keeps an endpoint, with its sequence at 0 and no history. */
export const insertEndpoint = async (trx: Executor, endpoint: NewEndpoint): Promise<void> => {
  await sql`
    WITH made AS (
      INSERT INTO webhook_endpoints (id, owner, environment, url, description, event_types, header_names, headers_sealed,
        schedule_seconds, rate_per_second, concurrency, created_by, created_at, updated_at)
      VALUES (${endpoint.id}, ${endpoint.owner}, ${endpoint.environment}, ${endpoint.url}, ${endpoint.description},
        ${endpoint.eventTypes}::text[], ${endpoint.headerNames}::text[], ${endpoint.headersSealed},
        ${endpoint.scheduleSeconds}::float8[], ${endpoint.ratePerSecond}, ${endpoint.concurrency}, ${endpoint.createdBy},
        ${endpoint.at}, ${endpoint.at})
      RETURNING id
    ), sequence AS (INSERT INTO webhook_endpoint_sequences (endpoint_id) SELECT id FROM made)
    INSERT INTO webhook_endpoint_health (endpoint_id) SELECT id FROM made`.execute(trx);
};

/** Writes what an administrator may change. */
export const writeEndpoint = async (
  trx: Executor,
  endpointId: string,
  settings: EndpointSettings,
  at: Date,
): Promise<void> => {
  await sql`
    UPDATE webhook_endpoints
    SET url = ${settings.url}, description = ${settings.description}, event_types = ${settings.eventTypes}::text[],
      header_names = ${settings.headerNames}::text[], headers_sealed = ${settings.headersSealed},
      schedule_seconds = ${settings.scheduleSeconds}::float8[], rate_per_second = ${settings.ratePerSecond},
      concurrency = ${settings.concurrency}, updated_at = ${at}
    WHERE id = ${endpointId}`.execute(trx);
};

/** Disables an endpoint that is enabled. Null: it was not, or is gone. */
export const markDisabled = async (
  trx: Executor,
  endpointId: string,
  reason: DisabledReason,
  at: Date,
): Promise<EndpointRecord | null> => {
  const { rows } = await sql<EndpointRecord>`
    UPDATE webhook_endpoints e
    SET status = 'disabled', disabled_reason = ${reason}, disabled_at = ${at}, updated_at = ${at}
    WHERE e.id = ${endpointId} AND e.status = 'enabled' AND e.deleted_at IS NULL
    RETURNING ${COLUMNS}`.execute(trx);
  return rows[0] ?? null;
};

/** Enables an endpoint that is disabled. */
export const markEnabled = async (trx: Executor, endpointId: string, at: Date): Promise<void> => {
  await sql`
    UPDATE webhook_endpoints
    SET status = 'enabled', disabled_reason = NULL, disabled_at = NULL, updated_at = ${at}
    WHERE id = ${endpointId}`.execute(trx);
};

/** Begins its record anew: what failed before somebody mended it must not hold it up, or disable it with the next failure. */
export const forgetFailures = async (trx: Executor, endpointId: string): Promise<void> => {
  await sql`
    UPDATE webhook_endpoint_health
    SET failing_since = NULL, consecutive_failures = 0, circuit_open_until = NULL
    WHERE endpoint_id = ${endpointId}`.execute(trx);
};

/** A deleted endpoint is disabled too: whoever sends has to know one word only. Its secrets and headers go at once. */
export const markDeleted = async (trx: Executor, endpointId: string, at: Date): Promise<void> => {
  await sql`
    UPDATE webhook_endpoints
    SET deleted_at = ${at}, updated_at = ${at}, status = 'disabled', disabled_at = coalesce(disabled_at, ${at}::timestamptz),
      disabled_reason = coalesce(disabled_reason, 'manual'), headers_sealed = NULL, header_names = '{}'
    WHERE id = ${endpointId}`.execute(trx);
  await sql`DELETE FROM webhook_endpoint_secrets WHERE endpoint_id = ${endpointId}`.execute(trx);
};

/** Takes the health of an endpoint. Before the endpoint itself, as whoever records a failure that disables it does. */
export const lockHealth = async (trx: Executor, endpointId: string): Promise<void> => {
  await sql`SELECT FROM webhook_endpoint_health WHERE endpoint_id = ${endpointId} FOR NO KEY UPDATE`.execute(
    trx,
  );
};

/** Takes the sequence of an endpoint: nobody else gives numbers until the transaction ends. Before the endpoint itself, as fan-out does. */
export const lockSequence = async (trx: Executor, endpointId: string): Promise<void> => {
  await sql`SELECT FROM webhook_endpoint_sequences WHERE endpoint_id = ${endpointId} FOR UPDATE`.execute(trx);
};

/** Lets nobody else make an endpoint of this owner in the same way until the transaction ends, and counts those that there are. */
export const lockOwner = async (trx: Executor, owner: string): Promise<number> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`webhook owner ${owner}`}, 0))`.execute(trx);
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM webhook_endpoints WHERE owner = ${owner} AND deleted_at IS NULL`.execute(
    trx,
  );
  return rows[0]?.count ?? 0;
};

/** In the order of their ids, in which everybody locks them. */
export const enabledEndpointsOf = async (trx: Executor, owner: string): Promise<readonly string[]> => {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM webhook_endpoints
    WHERE owner = ${owner} AND status = 'enabled' AND deleted_at IS NULL ORDER BY id`.execute(trx);
  return rows.map(({ id }) => id);
};
