import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Tokens of outside systems and what they used (spec: tickets, "Tokens"; the names of the tables are the guide's).
 *
 * Every change of a token tells the gateways to forget it, whoever made it and however: from a trigger, so that an
 * operator's plain UPDATE counts too. Figures are kept as requests come, by token and hour, so that none counts the log.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE tickets.integration_tokens (
      id uuid PRIMARY KEY,
      name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
      description text CHECK (char_length(description) BETWEEN 1 AND 2000),
      token_hash text NOT NULL UNIQUE CHECK (token_hash ~ '^[0-9a-f]{64}$'),
      previous_token_hash text UNIQUE CHECK (previous_token_hash ~ '^[0-9a-f]{64}$'),
      previous_token_expires_at timestamptz(3),
      previous_token_last_used_at timestamptz(3),
      token_prefix text NOT NULL CHECK (char_length(token_prefix) BETWEEN 1 AND 12),
      -- A user of another schema: no foreign key reaches there.
      owner_user_id uuid,
      rate_limit_per_hour integer NOT NULL DEFAULT 1000 CHECK (rate_limit_per_hour > 0),
      allowed_endpoints text[] NOT NULL DEFAULT '{*}'
        CHECK (cardinality(allowed_endpoints) > 0 AND array_position(allowed_endpoints, NULL) IS NULL),
      -- Addresses and networks; an empty list allows every address.
      allowed_ips inet[] NOT NULL DEFAULT '{}' CHECK (array_position(allowed_ips, NULL) IS NULL),
      -- json, not jsonb: it comes back as it was sent.
      metadata json NOT NULL DEFAULT '{}' CHECK (json_typeof(metadata) = 'object'),
      status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled', 'revoked')),
      revoked_at timestamptz(3),
      -- Hidden and ended, and kept: its tickets and its usage speak of it.
      deleted_at timestamptz(3),
      expires_at timestamptz(3),
      -- 30, 7 or 1: the last reminder that was sent for expires_at.
      reminded_days_left integer CHECK (reminded_days_left BETWEEN 1 AND 30),
      last_used_at timestamptz(3),
      created_by uuid,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CHECK ((previous_token_hash IS NULL) = (previous_token_expires_at IS NULL)),
      CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
      CHECK (deleted_at IS NULL OR status = 'revoked')
    );
    CREATE INDEX integration_tokens_newest ON tickets.integration_tokens (created_at DESC, id DESC)
      WHERE deleted_at IS NULL;
    CREATE INDEX integration_tokens_newest_by_status
      ON tickets.integration_tokens (status, created_at DESC, id DESC) WHERE deleted_at IS NULL;
    CREATE INDEX integration_tokens_expiring ON tickets.integration_tokens (expires_at)
      WHERE status = 'active' AND expires_at IS NOT NULL;

    CREATE FUNCTION tickets.guard_token() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF OLD.status = 'revoked' AND (NEW.status <> 'revoked' OR NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)) THEN
        RAISE EXCEPTION 'integration token % was revoked: that is final', OLD.id
          USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new token.';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER guard_token BEFORE UPDATE ON tickets.integration_tokens
      FOR EACH ROW EXECUTE FUNCTION tickets.guard_token();

    CREATE FUNCTION tickets.announce_token_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      changed_id constant uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END;
      change constant text := CASE
        WHEN TG_OP = 'INSERT' THEN 'created'
        WHEN TG_OP = 'DELETE' THEN 'revoked'
        WHEN NEW.status = 'revoked' THEN 'revoked'
        ELSE 'updated'
      END;
    BEGIN
      PERFORM tickets.emit_event('tickets.token.changed', json_build_object('token_id', changed_id, 'change', change));
      RETURN NULL;
    END $$;
    CREATE TRIGGER announce_made_or_deleted AFTER INSERT OR DELETE ON tickets.integration_tokens
      FOR EACH ROW EXECUTE FUNCTION tickets.announce_token_change();
    -- Not of when it was used, nor of reminders and notes: they say nothing about what the token may do.
    CREATE TRIGGER announce_changed AFTER UPDATE OF
        id, name, token_hash, previous_token_hash, previous_token_expires_at, owner_user_id, rate_limit_per_hour,
        allowed_endpoints, allowed_ips, status, revoked_at, deleted_at, expires_at
      ON tickets.integration_tokens
      FOR EACH ROW EXECUTE FUNCTION tickets.announce_token_change();

    CREATE TABLE tickets.integration_token_usage (
      id uuid PRIMARY KEY,
      token_id uuid NOT NULL REFERENCES tickets.integration_tokens (id) ON DELETE CASCADE,
      request_id text NOT NULL,
      endpoint text NOT NULL,
      method text NOT NULL,
      status_code integer NOT NULL,
      response_time_ms double precision NOT NULL CHECK (response_time_ms >= 0),
      error_code text,
      -- True: it took one of the token's limit.
      counted boolean NOT NULL,
      ip_address inet,
      user_agent text,
      -- When the request came: the clock hour that it counts in.
      created_at timestamptz(3) NOT NULL
    );
    CREATE INDEX integration_token_usage_newest
      ON tickets.integration_token_usage (token_id, created_at DESC, id DESC);
    CREATE INDEX integration_token_usage_age ON tickets.integration_token_usage (created_at);

    -- What requests add up to. The log is cleaned after its days; these stay. histogram counts response times: entry n
    -- those up to 2^((n - 1) / 4) ms, the last one all above.
    CREATE TABLE tickets.integration_token_hours (
      token_id uuid NOT NULL REFERENCES tickets.integration_tokens (id) ON DELETE CASCADE,
      hour_started_at timestamptz(3) NOT NULL,
      requests bigint NOT NULL CHECK (requests >= 0),
      counted bigint NOT NULL CHECK (counted BETWEEN 0 AND requests),
      errors bigint NOT NULL CHECK (errors BETWEEN 0 AND requests),
      response_time_ms double precision NOT NULL CHECK (response_time_ms >= 0),
      histogram bigint[] NOT NULL CHECK (cardinality(histogram) = 64),
      PRIMARY KEY (token_id, hour_started_at),
      CHECK (hour_started_at = date_trunc('hour', hour_started_at, 'UTC'))
    );
    -- The same of all hours, because a token's hours grow with its age.
    CREATE TABLE tickets.integration_token_totals (
      token_id uuid PRIMARY KEY REFERENCES tickets.integration_tokens (id) ON DELETE CASCADE,
      requests bigint NOT NULL CHECK (requests >= 0),
      counted bigint NOT NULL CHECK (counted BETWEEN 0 AND requests),
      errors bigint NOT NULL CHECK (errors BETWEEN 0 AND requests),
      response_time_ms double precision NOT NULL CHECK (response_time_ms >= 0),
      histogram bigint[] NOT NULL CHECK (cardinality(histogram) = 64)
    );

    CREATE FUNCTION tickets.add_histograms(a bigint[], b bigint[]) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(
      SELECT pair.a + pair.b FROM unnest(a, b) WITH ORDINALITY AS pair (a, b, n) ORDER BY pair.n
    );

    -- The response time that a share of requests did not exceed: somewhere in the entry that the share falls into, as
    -- far from its bottom as the share is.
    CREATE FUNCTION tickets.histogram_percentile(histogram bigint[], share double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
      WITH entries AS (
        SELECT n, count, sum(count) OVER (ORDER BY n) AS up_to, sum(count) OVER () AS total,
          CASE WHEN n = 1 THEN 0 ELSE power(2, (n - 2) / 4.0) END AS bottom, power(2, (n - 1) / 4.0) AS top
        FROM unnest(histogram) WITH ORDINALITY AS entry (count, n)
      )
      SELECT bottom + (top - bottom) * ((share * total - (up_to - count)) / count)
      FROM entries WHERE count > 0 AND up_to >= share * total ORDER BY n LIMIT 1;
    END;

    -- Of one moment, so that whoever injects a time asks the same as the view.
    CREATE FUNCTION tickets.integration_token_stats_at(at timestamptz) RETURNS TABLE (
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
        totals.response_time_ms / nullif(totals.requests, 0),
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

    CREATE VIEW tickets.integration_token_stats AS SELECT * FROM tickets.integration_token_stats_at(now());
  `.execute(trx);

  // See the partner schema: where pg_trgm is missing, a search reads the tokens, which administrators make by hand.
  await sql`
    DO $$
    DECLARE
      trigrams text;
    BEGIN
      SELECT n.nspname INTO trigrams
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      IF trigrams IS NOT NULL THEN
        EXECUTE format(
          'CREATE INDEX integration_tokens_search ON tickets.integration_tokens USING gin (name %1$I.gin_trgm_ops, token_prefix %1$I.gin_trgm_ops)',
          trigrams);
      END IF;
    END $$;
  `.execute(trx);
});
