import type { Ids } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { rollUp, UsageRow } from './roll-up.ts';

/** Which of these ids are tokens, deleted ones too. */
export const findKnownTokens = async (
  executor: Executor,
  tokenIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (tokenIds.length === 0) return new Set();
  const found = await executor
    .selectFrom('integration_tokens')
    .select('id')
    .where('id', 'in', tokenIds)
    .execute();
  return new Set(found.map(({ id }) => id));
};

/** Keeps requests: one statement for all. */
export const insertUsage = async (executor: Executor, ids: Ids, rows: readonly UsageRow[]): Promise<void> => {
  const column = <Value>(read: (row: UsageRow) => Value): Value[] => rows.map(read);
  await sql`
    INSERT INTO tickets.integration_token_usage (id, token_id, request_id, endpoint, method, status_code,
      response_time_ms, error_code, counted, repeated, ip_address, user_agent, created_at)
    SELECT * FROM unnest(
      ${column(() => ids.next())}::uuid[],
      ${column((row) => row.tokenId)}::uuid[],
      ${column((row) => row.requestId)}::text[],
      ${column((row) => row.endpoint)}::text[],
      ${column((row) => row.method)}::text[],
      ${column((row) => row.statusCode)}::integer[],
      ${column((row) => row.responseTimeMs)}::double precision[],
      ${column((row) => row.errorCode)}::text[],
      ${column((row) => row.counted)}::boolean[],
      ${column((row) => row.repeated)}::integer[],
      ${column((row) => row.ip)}::inet[],
      ${column((row) => row.userAgent)}::text[],
      ${column((row) => row.cameAt)}::timestamptz[]
    )
  `.execute(executor);
};

const columnsOfFigures = sql`requests, counted, errors, response_time_ms, histogram`;
const typesOfFigures = sql`
  requests bigint, counted bigint, errors bigint, response_time_ms double precision, histogram bigint[]`;
const addition = sql`
  requests = kept.requests + excluded.requests, counted = kept.counted + excluded.counted,
  errors = kept.errors + excluded.errors, response_time_ms = kept.response_time_ms + excluded.response_time_ms,
  histogram = tickets.add_histograms(kept.histogram, excluded.histogram)`;

/** Adds figures to those that are kept. In one order everywhere, so that two batches never deadlock. */
export const addFigures = async (
  executor: Executor,
  { totals, hours }: ReturnType<typeof rollUp>,
): Promise<void> => {
  await sql`
    INSERT INTO tickets.integration_token_totals AS kept (token_id, ${columnsOfFigures})
    SELECT token_id, ${columnsOfFigures}
    FROM jsonb_to_recordset(${JSON.stringify(totals)}::jsonb) AS given (token_id uuid, ${typesOfFigures})
    ORDER BY token_id
    ON CONFLICT (token_id) DO UPDATE SET ${addition}
  `.execute(executor);
  await sql`
    INSERT INTO tickets.integration_token_hours AS kept (token_id, hour_started_at, ${columnsOfFigures})
    SELECT token_id, hour_started_at, ${columnsOfFigures}
    FROM jsonb_to_recordset(${JSON.stringify(hours)}::jsonb)
      AS given (token_id uuid, hour_started_at timestamptz, ${typesOfFigures})
    ORDER BY token_id, hour_started_at
    ON CONFLICT (token_id, hour_started_at) DO UPDATE SET ${addition}
  `.execute(executor);
};

/** How exact `last_used_at` is: a row that is written for every batch of a busy token would only make garbage. */
const LAST_USED_STEP_SECONDS = 60;

/** Moves `last_used_at` of the tokens that asked, in steps of a minute. */
export const touchTokens = async (executor: Executor, rows: readonly UsageRow[]): Promise<void> => {
  const lastUse = new Map<string, Date>();
  for (const { tokenId, cameAt, statusCode } of rows) {
    // A token that was refused as no good was tried, not used.
    if (statusCode === 401) continue;
    const known = lastUse.get(tokenId);
    if (known === undefined || known < cameAt) lastUse.set(tokenId, cameAt);
  }
  if (lastUse.size === 0) return;
  await sql`
    WITH used AS (
      SELECT t.id, u.at
      FROM unnest(${[...lastUse.keys()]}::uuid[], ${[...lastUse.values()]}::timestamptz[]) AS u (id, at)
      JOIN tickets.integration_tokens t ON t.id = u.id
      WHERE t.last_used_at IS NULL OR t.last_used_at < u.at - make_interval(secs => ${LAST_USED_STEP_SECONDS})
      ORDER BY t.id FOR NO KEY UPDATE OF t
    )
    UPDATE tickets.integration_tokens t SET last_used_at = used.at FROM used WHERE t.id = used.id
  `.execute(executor);
};

/** How many requests of a token took one of its limit in the clock hour that began then, as far as the log knows. */
export const countHour = async (
  executor: Executor,
  tokenId: string,
  hourStartedAt: Date,
): Promise<number> => {
  const found = await executor
    .selectFrom('integration_token_hours')
    .select('counted')
    .where('token_id', '=', tokenId)
    .where('hour_started_at', '=', hourStartedAt)
    .executeTakeFirst();
  return found?.counted ?? 0;
};

export interface UsageFilter {
  readonly tokenId: string;
  /** From, and up to but without. */
  readonly status: readonly [number, number] | null;
  readonly method: string | null;
  readonly endpoint: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
}

/** A page looks at no more rows than this for those that pass the filters; the next one goes on where it ended. */
export const EXAMINED_ROWS_MAX = 10_000;

const rowsOf = (executor: Executor, { tokenId, from, to }: UsageFilter, after: Position | null) => {
  let rows = executor.selectFrom('integration_token_usage').where('token_id', '=', tokenId);
  if (from) rows = rows.where('created_at', '>=', from);
  if (to) rows = rows.where('created_at', '<', to);
  if (after) rows = rows.where(sql<boolean>`(created_at, id) < (${after.createdAt}, ${after.id})`);
  return rows.orderBy('created_at', 'desc').orderBy('id', 'desc');
};

/** Requests of a token newest first, one more than `limit` when there are more among those that are looked at. */
export const listUsage = (
  executor: Executor,
  filter: UsageFilter,
  page: { readonly limit: number; readonly after: Position | null },
) => {
  const { status, method, endpoint } = filter;
  let found = executor
    .selectFrom(rowsOf(executor, filter, page.after).selectAll().limit(EXAMINED_ROWS_MAX).as('newest'))
    .select(['id', 'request_id', 'endpoint', 'method', 'status_code', 'response_time_ms', 'error_code'])
    .select([
      'counted',
      'repeated',
      'user_agent',
      'created_at',
      sql<string | null>`host(ip_address)`.as('ip_address'),
    ]);
  if (status) found = found.where('status_code', '>=', status[0]).where('status_code', '<', status[1]);
  if (method) found = found.where('method', '=', method);
  if (endpoint) found = found.where('endpoint', '=', endpoint);
  return found
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
};

/** Where looking for requests ended, when there is more behind it. */
export const findEndOfExamined = async (
  executor: Executor,
  filter: UsageFilter,
  after: Position | null,
): Promise<Position | null> => {
  const last = await rowsOf(executor, filter, after)
    .select(['id', 'created_at as createdAt'])
    .offset(EXAMINED_ROWS_MAX - 1)
    .limit(1)
    .executeTakeFirst();
  return last ?? null;
};
