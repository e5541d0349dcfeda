import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/** Whoever is refused again and again fills no disk: one row stands for many such requests, and the figures count all of them. */
export const migration = defineMigration(async (trx) => {
  await sql`
    ALTER TABLE partner.partner_api_requests
      -- How many more requests like it the row stands for.
      ADD COLUMN repeated integer NOT NULL DEFAULT 0,
      -- Not checked for the rows that are there, which have 0: that would read the whole log while nobody can write.
      ADD CONSTRAINT partner_api_requests_repeated_check CHECK (repeated >= 0) NOT VALID;

    -- As before, and: a row counts for as many as it stands for. Its response time is that of one.
    CREATE OR REPLACE FUNCTION partner.key_usage(key_id uuid, from_date timestamptz, to_date timestamptz)
    RETURNS TABLE (
      total_requests bigint,
      successful_requests bigint,
      failed_requests bigint,
      average_response_time_ms numeric,
      total_jobs bigint,
      completed_jobs bigint,
      failed_jobs bigint,
      pending_jobs bigint
    )
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
      -- Counted apart: joined, every request would be counted once for every job.
      SELECT r.total, r.successful, r.total - r.successful, r.average, j.total, j.completed, j.failed, j.pending
      FROM (
        SELECT count(*) + coalesce(sum(repeated), 0) AS total,
          count(*) FILTER (WHERE response_status < 400)
            + coalesce(sum(repeated) FILTER (WHERE response_status < 400), 0) AS successful,
          round(avg(response_time_ms)::numeric, 2) AS average
        FROM partner.partner_api_requests
        WHERE partner_api_key_id = key_id AND created_at >= from_date AND created_at < to_date
      ) AS r, (
        SELECT count(*) AS total,
          count(*) FILTER (WHERE status = 'completed') AS completed,
          count(*) FILTER (WHERE status = 'failed') AS failed,
          count(*) FILTER (WHERE status IN ('queued', 'processing')) AS pending
        FROM partner.async_jobs
        WHERE partner_api_key_id = key_id AND created_at >= from_date AND created_at < to_date
      ) AS j
    $$;
  `.execute(trx);
});
