import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What an operator asks about and keeps in order (partner guide, "Usage Statistics" and "Maintenance"), and what the
 * operator role may do. A function that it may call is for it and the owner alone (see grantRights).
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

    -- A function may be called by everybody until that is taken back; what is granted below must not be.
    REVOKE ALL ON FUNCTION partner.generate_key(text), partner.derive_webhook_secret(uuid, integer) FROM PUBLIC;
    REVOKE ALL ON FUNCTION
      partner.generate_partner_api_key(text, text, uuid, integer),
      partner.rotate_partner_api_key(uuid, interval, boolean),
      partner.revoke_partner_api_key(uuid),
      partner.get_partner_api_usage(uuid, timestamptz, timestamptz),
      partner.cleanup_partner_api_logs(integer)
    FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION
      partner.generate_partner_api_key(text, text, uuid, integer),
      partner.rotate_partner_api_key(uuid, interval, boolean),
      partner.revoke_partner_api_key(uuid),
      partner.get_partner_api_usage(uuid, timestamptz, timestamptz),
      partner.cleanup_partner_api_logs(integer)
    TO switchboard_operator;

    -- What the guide has an operator look at, and the plain UPDATE that switches a key off.
    GRANT SELECT ON
      partner.partners, partner.partner_api_keys, partner.companies, partner.async_jobs, partner.calls,
      partner.webhook_logs, partner.partner_api_requests
    TO switchboard_operator;
    GRANT UPDATE (is_active, expires_at, allowed_ips, rate_limit_per_minute, permissions)
      ON partner.partner_api_keys TO switchboard_operator;
  `.execute(trx),
);
