import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What the administration API shows and needs: when an old secret was last used, which reminder was sent, attempts by
 * key, and an index for each list, so that none costs more when its table grows.
 */
export const migration = defineMigration((trx) =>
  sql`
    ALTER TABLE partner.partner_api_keys
      ADD COLUMN previous_secret_last_used_at timestamptz(3),
      -- 30, 7 or 1: the last reminder that was sent for expires_at.
      ADD COLUMN reminded_days_left integer CHECK (reminded_days_left IN (30, 7, 1));
    CREATE INDEX partner_api_keys_newest ON partner.partner_api_keys (created_at DESC, id DESC);
    CREATE INDEX partner_api_keys_expiring ON partner.partner_api_keys (expires_at)
      WHERE is_active AND expires_at IS NOT NULL;
    -- A leaked secret is reported by its hash.
    CREATE INDEX partner_api_keys_secret ON partner.partner_api_keys (api_secret_hash);
    CREATE INDEX partner_api_keys_previous_secret ON partner.partner_api_keys (previous_secret_hash)
      WHERE previous_secret_hash IS NOT NULL;

    -- As before, and: what is known about an old secret or an old expiry says nothing about the new one. Here, because
    -- operators rotate and extend keys in SQL too.
    CREATE OR REPLACE FUNCTION partner.guard_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.is_active) THEN
        RAISE EXCEPTION 'partner key % was revoked: that is final', OLD.id
          USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new key with generate_partner_api_key.';
      END IF;
      -- That a key was used, or its owner reminded, says nothing about when somebody changed it.
      IF (NEW.last_used_at, NEW.previous_secret_last_used_at, NEW.reminded_days_left)
        IS NOT DISTINCT FROM (OLD.last_used_at, OLD.previous_secret_last_used_at, OLD.reminded_days_left) THEN
        NEW.updated_at := clock_timestamp();
      END IF;
      IF NEW.previous_secret_hash IS DISTINCT FROM OLD.previous_secret_hash THEN
        NEW.previous_secret_last_used_at := NULL;
      END IF;
      IF NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
        NEW.reminded_days_left := NULL;
      END IF;
      RETURN NEW;
    END $$;

    -- Attempts by key; and whether another one follows, so that a callback nobody tries again by itself is told apart.
    ALTER TABLE partner.webhook_logs
      ADD COLUMN partner_api_key_id uuid,
      ADD COLUMN next_attempt_at timestamptz(3);
    UPDATE partner.webhook_logs l SET partner_api_key_id = j.partner_api_key_id
    FROM partner.async_jobs j WHERE j.id = l.async_job_id;
    CREATE INDEX webhook_logs_key ON partner.webhook_logs (partner_api_key_id, created_at DESC, id DESC);
    CREATE INDEX webhook_logs_key_success
      ON partner.webhook_logs (partner_api_key_id, success, created_at DESC, id DESC);
    CREATE INDEX webhook_logs_given_up ON partner.webhook_logs (partner_api_key_id, created_at DESC, id DESC)
      WHERE NOT success AND next_attempt_at IS NULL;
    CREATE INDEX webhook_logs_delivery ON partner.webhook_logs (delivery_id, attempt_number);

    -- The request log of a key by class of status and by endpoint: what is rare is found without reading what is not.
    CREATE INDEX partner_api_requests_key_status
      ON partner.partner_api_requests (partner_api_key_id, (response_status / 100), created_at DESC, id DESC);
    CREATE INDEX partner_api_requests_key_endpoint
      ON partner.partner_api_requests (partner_api_key_id, endpoint, (response_status / 100), created_at DESC, id DESC);

    -- What cleans up finds old rows by an expression that no list has. By the bare time the planner would take this index
    -- for the lists too, because rows lie on disk in its order, and then read what all other keys did in between.
    DROP INDEX partner.partner_api_requests_age;
    DROP INDEX partner.webhook_logs_age;
    CREATE INDEX partner_api_requests_age ON partner.partner_api_requests ((created_at AT TIME ZONE 'UTC'));
    CREATE INDEX webhook_logs_age ON partner.webhook_logs ((created_at AT TIME ZONE 'UTC'));
    CREATE OR REPLACE FUNCTION partner.cleanup_partner_api_logs(days integer DEFAULT 90)
    RETURNS TABLE (deleted_requests bigint, deleted_webhook_logs bigint)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      before timestamp;
    BEGIN
      IF days IS NULL OR days NOT BETWEEN 0 AND 36500 THEN
        RAISE EXCEPTION 'days must be 0 to 36500' USING ERRCODE = 'invalid_parameter_value';
      END IF;
      before := (clock_timestamp() - make_interval(days => days)) AT TIME ZONE 'UTC';
      DELETE FROM partner.partner_api_requests WHERE created_at AT TIME ZONE 'UTC' < before;
      GET DIAGNOSTICS deleted_requests = ROW_COUNT;
      DELETE FROM partner.webhook_logs WHERE created_at AT TIME ZONE 'UTC' < before;
      GET DIAGNOSTICS deleted_webhook_logs = ROW_COUNT;
      RETURN NEXT;
    END $$;

    -- The agents of a company are not counted for each row of a list: a figure that every insert and delete moves.
    ALTER TABLE partner.companies ADD COLUMN total_agents integer NOT NULL DEFAULT 0 CHECK (total_agents >= 0);
    UPDATE partner.companies c SET total_agents = counted.total
    FROM (SELECT company_id, count(*) AS total FROM partner.agents GROUP BY company_id) AS counted
    WHERE counted.company_id = c.id;
    CREATE FUNCTION partner.count_agents() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE partner.companies AS c
      SET total_agents = c.total_agents + (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END) * moved.count
      FROM (SELECT company_id, count(*) AS count FROM changed_rows GROUP BY company_id) AS moved
      WHERE c.id = moved.company_id;
      RETURN NULL;
    END $$;
    CREATE TRIGGER count_inserted AFTER INSERT ON partner.agents
      REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION partner.count_agents();
    CREATE TRIGGER count_deleted AFTER DELETE ON partner.agents
      REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION partner.count_agents();

    -- One place for the figures of usage: operators and the service ask different functions, neither may ask both.
    CREATE FUNCTION partner.key_usage(key_id uuid, from_date timestamptz, to_date timestamptz)
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
    CREATE OR REPLACE FUNCTION partner.get_partner_api_usage(key_id uuid, from_date timestamptz, to_date timestamptz)
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
      SELECT * FROM partner.key_usage(key_id, from_date, to_date)
    $$;
  `.execute(trx),
);
