import type { Position } from '@switchboard/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { OpenRange } from '../time-range.ts';

export interface LoggedRequest {
  readonly id: string;
  readonly method: string;
  readonly endpoint: string;
  readonly responseStatus: number;
  readonly responseTimeMs: number;
  readonly errorCode: string | null;
  readonly requestId: string;
  readonly traceId: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly idempotencyKey: string | null;
  /** How many further ones like it the row stands for. */
  readonly repeated: number;
  readonly createdAt: Date;
}

export interface RequestFilter extends OpenRange {
  readonly keyId: string;
  /** 2 for 2xx, and so on. */
  readonly statusClass: number | null;
  readonly endpoint: string | null;
}

const STATUS_CLASSES = [2, 3, 4, 5];

const NEWEST_FIRST = sql`ORDER BY created_at DESC, id DESC`;

/**
 * The request log of a key newest first, one more than `limit` when there are more. Whatever the filter, an index has
 * the rows in this order, so that one refused request among a million others is found as fast as any. With an endpoint
 * and no class of status that takes one look for each class, because the index has the class before the time.
 */
export const listRequests = async (
  executor: Executor,
  filter: RequestFilter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly LoggedRequest[]> => {
  const { keyId, statusClass, endpoint, from, to } = filter;
  const { after } = page;
  const limit = sql`LIMIT ${page.limit + 1}`;
  const rowsWhere = (hasStatus: RawBuilder<unknown>) => sql`
    SELECT id, method, endpoint, response_status AS "responseStatus", response_time_ms AS "responseTimeMs",
      error_code AS "errorCode", request_id AS "requestId", trace_id AS "traceId", host(ip_address) AS "ipAddress",
      user_agent AS "userAgent", idempotency_key AS "idempotencyKey", repeated, created_at, created_at AS "createdAt"
    FROM partner.partner_api_requests
    WHERE partner_api_key_id = ${keyId} AND ${hasStatus}
      AND ${endpoint === null ? sql`true` : sql`endpoint = ${endpoint}`}
      AND ${from ? sql`created_at >= ${from}` : sql`true`}
      AND ${to ? sql`created_at < ${to}` : sql`true`}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ${NEWEST_FIRST} ${limit}`;
  const hasClass = (value: RawBuilder<unknown>) => sql`response_status / 100 = ${value}`;
  const classes = statusClass === null && endpoint !== null ? STATUS_CLASSES : null;
  const query = classes
    ? sql<LoggedRequest>`
        SELECT page.* FROM unnest(${classes}::integer[]) AS class
        CROSS JOIN LATERAL (${rowsWhere(hasClass(sql`class`))}) AS page
        ${NEWEST_FIRST} ${limit}`
    : sql<LoggedRequest>`${rowsWhere(statusClass === null ? sql`true` : hasClass(sql`${statusClass}::integer`))}`;
  return (await query.execute(executor)).rows;
};
