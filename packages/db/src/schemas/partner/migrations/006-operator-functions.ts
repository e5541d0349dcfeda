import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What an operator asks about and keeps in order (partner guide, "Usage Statistics" and "Maintenance"). Who may call
 * these and the functions of 004 is said in schemas/index.ts.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE FUNCTION partner.get_partner_api_usage(key_id uuid, from_date timestamptz, to_date timestamptz)
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
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      -- Counted apart: joined, every request would be counted once for every job.
      SELECT r.total, r.successful, r.total - r.successful, r.average, j.total, j.completed, j.failed, j.pending
      FROM (
        SELECT count(*) AS total,
          count(*) FILTER (WHERE response_status < 400) AS successful,
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

    CREATE FUNCTION partner.cleanup_partner_api_logs(days integer DEFAULT 90)
    RETURNS TABLE (deleted_requests bigint, deleted_webhook_logs bigint)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      before timestamptz;
    BEGIN
      IF days IS NULL OR days NOT BETWEEN 0 AND 36500 THEN
        RAISE EXCEPTION 'days must be 0 to 36500' USING ERRCODE = 'invalid_parameter_value';
      END IF;
      before := clock_timestamp() - make_interval(days => days);
      DELETE FROM partner.partner_api_requests WHERE created_at < before;
      GET DIAGNOSTICS deleted_requests = ROW_COUNT;
      DELETE FROM partner.webhook_logs WHERE created_at < before;
      GET DIAGNOSTICS deleted_webhook_logs = ROW_COUNT;
      RETURN NEXT;
    END $$;
  `.execute(trx),
);
