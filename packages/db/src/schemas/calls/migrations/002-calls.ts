import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Calls, their frames, the tickets of their sockets, and figures by hour (spec: calls).
 *
 * A call's row is its log and its state. Every change of it is one transaction with its frame (call_frames) and its event.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE calls.calls (
      id uuid PRIMARY KEY,
      account_id uuid NOT NULL,
      name text NOT NULL CHECK (char_length(name) <= 200),
      phone text NOT NULL CHECK (char_length(phone) <= 64),
      phone_digits text NOT NULL GENERATED ALWAYS AS (regexp_replace(phone, '[^0-9]', '', 'g')) STORED,
      call_type text NOT NULL CHECK (call_type IN ('inbound', 'outbound', 'audio', 'video')),
      -- json, not jsonb: it comes back as it was sent.
      metadata json NOT NULL DEFAULT '{}' CHECK (json_typeof(metadata) = 'object'),
      source text NOT NULL DEFAULT 'api' CHECK (source IN ('api', 'import')),
      status text NOT NULL CHECK (status IN ('initializing', 'ringing', 'connected', 'ended', 'failed')),
      -- The status of a call that is over. It is what the index has: one over the status would be written anew, and with it
      -- all others, at every change of a call.
      outcome text GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN status END) STORED,
      reason text CHECK (reason IN ('hangup', 'remote_hangup', 'max_duration', 'service_lost', 'busy', 'no_answer',
        'rejected', 'unreachable', 'media_failed')),
      started_at timestamptz(3) NOT NULL,
      ringing_at timestamptz(3),
      connected_at timestamptz(3),
      ended_at timestamptz(3),
      duration_seconds integer CHECK (duration_seconds >= 0),
      -- An offer was answered.
      has_media boolean NOT NULL DEFAULT false,
      is_muted boolean NOT NULL DEFAULT false,
      is_on_hold boolean NOT NULL DEFAULT false,
      -- Of call_frames: the last one's number.
      last_sequence integer NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
      -- Who started it: the id of a key or a user. Null for imported calls.
      created_by text,
      -- What the driver needs to take the call over after a crash; written before it dials.
      driver_reference json,
      -- Which process has the call in hand, and until when nobody else may take it.
      lease_owner uuid,
      lease_until timestamptz(3),
      CHECK ((status IN ('ended', 'failed')) = (ended_at IS NOT NULL)),
      CHECK ((ended_at IS NULL) = (duration_seconds IS NULL)),
      CHECK (reason IS NULL OR ended_at IS NOT NULL),
      CHECK (source = 'import' OR (ended_at IS NULL) = (reason IS NULL)),
      CHECK (ended_at IS NULL OR ended_at >= started_at),
      CHECK ((lease_owner IS NULL) = (ended_at IS NOT NULL)),
      CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
    ) WITH (fillfactor = 85);
    -- What changes while a call lives (status, lease, flags) is in no index of these, not even as a predicate, so that Postgres
    -- need not write every index anew at every change of it: what is looked for by status is over, or one of the few that
    -- are not.
    CREATE INDEX calls_newest ON calls.calls (account_id, started_at DESC, id DESC);
    CREATE INDEX calls_by_digits ON calls.calls (account_id, phone_digits, started_at DESC, id DESC);
    CREATE INDEX calls_active ON calls.calls (account_id, started_at DESC, id DESC) WHERE ended_at IS NULL;
    CREATE INDEX calls_over ON calls.calls (account_id, outcome, call_type, started_at DESC, id DESC)
      WHERE outcome IS NOT NULL;
    CREATE INDEX calls_leased ON calls.calls (lease_owner) WHERE lease_owner IS NOT NULL;

    -- Once a call is over it is: end time, duration and reason are set once, whoever tries again.
    CREATE FUNCTION calls.guard_call() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF OLD.ended_at IS NOT NULL AND (NEW.ended_at, NEW.status, NEW.duration_seconds) IS DISTINCT FROM
        (OLD.ended_at, OLD.status, OLD.duration_seconds) THEN
        RAISE EXCEPTION 'call % is over: that is final', OLD.id USING ERRCODE = 'object_not_in_prerequisite_state';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER guard_call BEFORE UPDATE ON calls.calls FOR EACH ROW EXECUTE FUNCTION calls.guard_call();

    -- What was said on the call's socket, in order. Actions of the call log are those of the type call.action.
    CREATE TABLE calls.call_frames (
      call_id uuid NOT NULL REFERENCES calls.calls (id) ON DELETE CASCADE,
      sequence integer NOT NULL CHECK (sequence > 0),
      type text NOT NULL,
      data json NOT NULL CHECK (json_typeof(data) = 'object'),
      at timestamptz(3) NOT NULL,
      PRIMARY KEY (call_id, sequence)
    );
    -- For housekeeping, which removes them: no index of all frames by their time.
    CREATE INDEX call_frames_media ON calls.call_frames (at) WHERE type LIKE 'media.%';

    -- A ticket opens the socket of one call, one connection at a time: every use ends the one before.
    CREATE TABLE calls.call_tickets (
      id uuid PRIMARY KEY,
      call_id uuid NOT NULL REFERENCES calls.calls (id) ON DELETE CASCADE,
      ticket_hash text NOT NULL UNIQUE CHECK (ticket_hash ~ '^[0-9a-f]{64}$'),
      uses integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
      created_at timestamptz(3) NOT NULL,
      last_used_at timestamptz(3),
      expires_at timestamptz(3) NOT NULL
    );
    CREATE INDEX call_tickets_call ON calls.call_tickets (call_id);
    CREATE INDEX call_tickets_expired ON calls.call_tickets (expires_at);

    -- What calls add up to, by the hour in which they began, so that no figure counts the log. Calls that are over only.
    CREATE TABLE calls.call_hours (
      account_id uuid NOT NULL,
      hour_started_at timestamptz(3) NOT NULL,
      call_type text NOT NULL,
      status text NOT NULL CHECK (status IN ('ended', 'failed')),
      calls bigint NOT NULL CHECK (calls >= 0),
      duration_seconds bigint NOT NULL CHECK (duration_seconds >= 0),
      PRIMARY KEY (account_id, hour_started_at, call_type, status),
      CHECK (hour_started_at = date_trunc('hour', hour_started_at, 'UTC'))
    );

    -- How many calls that are over began in each 64 hours since 1970. A search by name plans with it how much of the log
    -- one look into the index may cover.
    CREATE TABLE calls.call_spans (
      account_id uuid NOT NULL,
      span integer NOT NULL,
      calls bigint NOT NULL CHECK (calls >= 0),
      PRIMARY KEY (account_id, span)
    );

    -- A search by name looks into one stretch of time of one account after another, newest first, each of a size that is
    -- known before. These are what names the stretches in the index: one key for each width. An index over account and name
    -- alone would read all matches of all times for the newest hundred.
    CREATE FUNCTION calls.hour_of(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN floor(extract(epoch FROM at - timestamptz '1970-01-01 00:00:00+00') / 3600)::bigint;
    CREATE FUNCTION calls.search_keys(account_id uuid, hour bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY[
      uuid_hash_extended(account_id, hour / 4 * 8),
      uuid_hash_extended(account_id, hour / 16 * 8 + 1),
      uuid_hash_extended(account_id, hour / 64 * 8 + 2),
      uuid_hash_extended(account_id, hour / 256 * 8 + 3),
      uuid_hash_extended(account_id, hour / 1024 * 8 + 4),
      uuid_hash_extended(account_id, hour / 4096 * 8 + 5)];
  `.execute(trx);

  // See the partner schema: where pg_trgm is missing, a search by name walks through the calls, newest first. Calls that are
  // over only, so that a call is written to it once. 64 kB: what waits to be sorted in is read by every search.
  await sql`
    DO $$
    DECLARE
      trigrams text;
    BEGIN
      IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')
        AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        BEGIN
          CREATE EXTENSION pg_trgm WITH SCHEMA switchboard;
        EXCEPTION WHEN insufficient_privilege THEN
          RAISE NOTICE 'pg_trgm may not be installed by %: a search of calls by name walks through them. Ask a superuser for CREATE EXTENSION pg_trgm, then create index calls_search.', current_user;
        END;
      END IF;
      SELECT n.nspname INTO trigrams
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      IF trigrams IS NOT NULL THEN
        EXECUTE format(
          'CREATE INDEX calls_search ON calls.calls USING gin '
          '(calls.search_keys(account_id, calls.hour_of(started_at)), name %1$I.gin_trgm_ops) '
          'WITH (gin_pending_list_limit = 64) WHERE ended_at IS NOT NULL', trigrams);
      END IF;
    END $$;
  `.execute(trx);
});
