import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Requests of the change feed may wait half a minute for a change, which says nothing about how quickly anybody is answered.
 * They are not in the response times, so the mean is that of the requests which the histogram has.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE OR REPLACE FUNCTION tickets.integration_token_stats_at(at timestamptz) RETURNS TABLE (
      token_id uuid,
      total_requests bigint,
      requests_this_hour bigint,
      requests_today bigint,
      error_count bigint,
      avg_response_time_ms double precision,
      p95_response_time_ms double precision
    )
    LANGUAGE sql STABLE AS $$
      SELECT token.id, coalesce(totals.requests, 0), today.this_hour, today.requests, coalesce(totals.errors, 0),
        totals.response_time_ms / nullif((SELECT sum(timed) FROM unnest(totals.histogram) AS timed), 0)::double precision,
        tickets.histogram_percentile(totals.histogram, 0.95)
      FROM tickets.integration_tokens AS token
      LEFT JOIN tickets.integration_token_totals AS totals ON totals.token_id = token.id
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(hours.requests), 0)::bigint AS requests,
          coalesce(sum(hours.requests) FILTER (
            WHERE hours.hour_started_at = date_trunc('hour', $1, 'UTC')
          ), 0)::bigint AS this_hour
        FROM tickets.integration_token_hours AS hours
        WHERE hours.token_id = token.id
          AND hours.hour_started_at >= date_trunc('day', $1, 'UTC') AND hours.hour_started_at <= $1
      ) AS today
    $$;
  `.execute(trx);
});
