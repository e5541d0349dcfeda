import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Endpoints, their secrets, sequences and health; replays; the keys that sign. Deliveries learn whose they are, of which
 * endpoint, and in which *lane* they wait (apps/webhook-dispatcher/src/domain/deliveries/types.ts).
 *
 * What changes with every message or attempt of an endpoint (its sequence, its health) stands in narrow tables of its own,
 * so that a row of settings is not rewritten thousands of times a minute.
 *
 * A dispatcher of before this migration still runs beside it: what it inserts gets its lane by a trigger, and what it takes is
 * found by the host, which deliveries to endpoints have none of: it would find no address there, and use up their schedule.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE webhook_endpoints (
      id uuid PRIMARY KEY,
      -- Whose messages it gets: kind and id.
      owner text NOT NULL CHECK (owner ~ '^[a-z][a-z_]*:' AND char_length(owner) <= 200),
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      url text NOT NULL,
      description text,
      -- Event types, and patterns that end in '.*' or are '*'.
      event_types text[] NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 100),
      -- Headers of its own: names for everybody, names and values encrypted.
      header_names text[] NOT NULL DEFAULT '{}',
      headers_sealed text,
      -- Seconds before the first attempt, then after each failed one; null: the platform's.
      schedule_seconds double precision[] CHECK (cardinality(schedule_seconds) BETWEEN 1 AND 20),
      rate_per_second integer CHECK (rate_per_second BETWEEN 1 AND 1000),
      concurrency integer NOT NULL DEFAULT 20 CHECK (concurrency BETWEEN 1 AND 100),
      status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
      disabled_reason text CHECK (disabled_reason IN ('manual', 'gone', 'failing')),
      disabled_at timestamptz(3),
      -- The user who made it; told when it is disabled.
      created_by uuid,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      -- Its deliveries stay on record as long as any other.
      deleted_at timestamptz(3),
      CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
      CHECK ((status = 'disabled') = (disabled_at IS NOT NULL)),
      CHECK ((headers_sealed IS NULL) = (header_names = '{}'))
    );
    CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (owner, created_at DESC, id DESC)
      WHERE deleted_at IS NULL;
    CREATE INDEX webhook_endpoints_newest ON webhook_endpoints (created_at DESC, id DESC) WHERE deleted_at IS NULL;

    CREATE TABLE webhook_endpoint_secrets (
      id uuid PRIMARY KEY,
      endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
      secret_sealed text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      -- Null: the current one. The others sign until then, beside it.
      expires_at timestamptz(3)
    );
    CREATE UNIQUE INDEX webhook_endpoint_secrets_current ON webhook_endpoint_secrets (endpoint_id)
      WHERE expires_at IS NULL;
    CREATE INDEX webhook_endpoint_secrets_ending ON webhook_endpoint_secrets (expires_at) WHERE expires_at IS NOT NULL;
    CREATE INDEX webhook_endpoint_secrets_endpoint ON webhook_endpoint_secrets (endpoint_id, created_at DESC);

    -- Locked while messages get their numbers: they are given in the order of commits, without a gap.
    CREATE TABLE webhook_endpoint_sequences (
      endpoint_id uuid PRIMARY KEY REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
      last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0)
    ) WITH (fillfactor = 50);

    CREATE TABLE webhook_endpoint_health (
      endpoint_id uuid PRIMARY KEY REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
      -- Since when there were nothing but failures.
      failing_since timestamptz(3),
      consecutive_failures integer NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
      last_success_at timestamptz(3),
      last_failure_at timestamptz(3),
      last_error text,
      -- No dispatcher sends before this time.
      circuit_open_until timestamptz(3),
      CHECK ((failing_since IS NULL) = (consecutive_failures = 0))
    ) WITH (fillfactor = 50);

    -- The ed25519 keys that sign beside the secrets of endpoints.
    CREATE TABLE webhook_signing_keys (
      id uuid PRIMARY KEY,
      -- The 32 bytes of the public key.
      public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
      private_key_sealed text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3)
    );
    CREATE UNIQUE INDEX webhook_signing_keys_current ON webhook_signing_keys ((true)) WHERE expires_at IS NULL;

    -- Dispatchers that live: they divide what an endpoint takes at a time between them.
    CREATE TABLE webhook_dispatchers (
      id text PRIMARY KEY,
      started_at timestamptz(3) NOT NULL,
      seen_at timestamptz(3) NOT NULL
    );

    CREATE TABLE webhook_replays (
      id uuid PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('replay', 'missed')),
      -- Null: of no one endpoint.
      endpoint_id uuid REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
      -- What to send again, as it was asked for.
      filter jsonb NOT NULL,
      rate_per_second integer NOT NULL CHECK (rate_per_second BETWEEN 1 AND 1000),
      status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'cancelled')),
      total integer NOT NULL CHECK (total >= 0),
      scheduled integer NOT NULL DEFAULT 0 CHECK (scheduled >= 0),
      successful integer NOT NULL DEFAULT 0 CHECK (successful >= 0),
      failed integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
      skipped integer NOT NULL DEFAULT 0 CHECK (skipped >= 0),
      -- The last delivery that was looked at: oldest first.
      cursor_created_at timestamptz(3),
      cursor_id uuid,
      -- When the newest one was accepted that the filter found: nothing behind it is looked at.
      last_created_at timestamptz(3),
      -- When the next deliveries are put in line.
      next_at timestamptz(3) NOT NULL,
      created_by text,
      created_at timestamptz(3) NOT NULL,
      -- When everything had been looked at; deliveries may still be on their way.
      looked_through_at timestamptz(3),
      finished_at timestamptz(3),
      CHECK ((cursor_created_at IS NULL) = (cursor_id IS NULL)),
      CHECK ((status = 'running') = (finished_at IS NULL))
    );
    CREATE INDEX webhook_replays_newest ON webhook_replays (created_at DESC, id DESC);
    CREATE INDEX webhook_replays_endpoint ON webhook_replays (endpoint_id, created_at DESC, id DESC)
      WHERE endpoint_id IS NOT NULL;
    CREATE INDEX webhook_replays_running ON webhook_replays (next_at) WHERE status = 'running';

    ALTER TABLE webhook_deliveries
      ADD COLUMN owner text,
      ADD COLUMN event_type text,
      -- Who waits behind whom: one endpoint, or one owner's callbacks to one host.
      ADD COLUMN lane text COLLATE "C",
      ADD COLUMN endpoint_id uuid REFERENCES webhook_endpoints (id),
      ADD COLUMN sequence bigint CHECK (sequence >= 1),
      -- The replay that it was last sent again by; that one's own record may be gone before this row.
      ADD COLUMN replay_id uuid,
      -- Attempts before its schedule began anew: those of before it was sent again.
      ADD COLUMN earlier_attempts integer NOT NULL DEFAULT 0 CHECK (earlier_attempts BETWEEN 0 AND attempt_count),
      -- Of a delivery to an endpoint, the address and the secrets are the endpoint's when it is sent.
      ALTER COLUMN url DROP NOT NULL,
      ALTER COLUMN secret DROP NOT NULL,
      ALTER COLUMN target_host DROP NOT NULL,
      DROP CONSTRAINT webhook_deliveries_profile_check,
      DROP CONSTRAINT webhook_deliveries_status_check,
      DROP CONSTRAINT webhook_deliveries_check2,
      DROP CONSTRAINT webhook_deliveries_check4;
    -- Gone before every row is written anew, so that they are not written with them.
    DROP INDEX webhook_deliveries_message;
    DROP INDEX webhook_deliveries_due;
    DROP INDEX webhook_deliveries_finished;
    UPDATE webhook_deliveries d
    SET owner = 'partner_key:' || (d.secret ->> 'key_id'),
      lane = 'partner_key:' || (d.secret ->> 'key_id') || '/' || d.target_host,
      event_type = m.event_type
    FROM webhook_messages m WHERE m.id = d.message_id;
    ALTER TABLE webhook_deliveries
      ALTER COLUMN owner SET NOT NULL,
      ALTER COLUMN event_type SET NOT NULL,
      ALTER COLUMN lane SET NOT NULL,
      ADD CONSTRAINT webhook_deliveries_profile CHECK (profile IN ('partner', 'standard')),
      ADD CONSTRAINT webhook_deliveries_status
        CHECK (status IN ('pending', 'held', 'succeeded', 'exhausted', 'cancelled')),
      ADD CONSTRAINT webhook_deliveries_finished CHECK ((status IN ('pending', 'held')) = (finished_at IS NULL)),
      ADD CONSTRAINT webhook_deliveries_lease CHECK (status = 'pending' OR lease_owner IS NULL),
      ADD CONSTRAINT webhook_deliveries_target CHECK (
        CASE profile
          WHEN 'partner' THEN endpoint_id IS NULL AND url IS NOT NULL AND target_host IS NOT NULL
            AND secret IS NOT NULL AND sequence IS NULL
          ELSE endpoint_id IS NOT NULL AND url IS NULL AND target_host IS NULL AND secret IS NULL AND sequence IS NOT NULL
        END
      ),
      -- Whoever looks for what waits for an endpoint looks in its lane.
      ADD CONSTRAINT webhook_deliveries_lane CHECK (endpoint_id IS NULL OR lane = endpoint_id::text),
      -- A callback has no endpoint that is disabled or deleted.
      ADD CONSTRAINT webhook_deliveries_kept CHECK (endpoint_id IS NOT NULL OR status NOT IN ('held', 'cancelled'));

    CREATE UNIQUE INDEX webhook_deliveries_message ON webhook_deliveries (message_id, endpoint_id) NULLS NOT DISTINCT;
    CREATE INDEX webhook_deliveries_due ON webhook_deliveries (lane, due_at) WHERE status = 'pending';
    CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (created_at DESC, id DESC);
    CREATE INDEX webhook_deliveries_owner ON webhook_deliveries (owner, created_at DESC, id DESC);
    CREATE INDEX webhook_deliveries_event_type ON webhook_deliveries (event_type, created_at DESC, id DESC);
    CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at DESC, id DESC)
      WHERE endpoint_id IS NOT NULL;
    CREATE UNIQUE INDEX webhook_deliveries_sequence ON webhook_deliveries (endpoint_id, sequence)
      WHERE endpoint_id IS NOT NULL;
    -- What did not arrive is little, and looked for most: "all that failed", "what was missed".
    CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries (status, created_at DESC, id DESC)
      WHERE status IN ('held', 'exhausted');
    CREATE INDEX webhook_deliveries_undelivered_endpoint
      ON webhook_deliveries (endpoint_id, status, created_at DESC, id DESC)
      WHERE status IN ('held', 'exhausted') AND endpoint_id IS NOT NULL;
    CREATE INDEX webhook_deliveries_undelivered_owner ON webhook_deliveries (owner, status, created_at DESC, id DESC)
      WHERE status IN ('held', 'exhausted');
    CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (created_at DESC, id DESC) WHERE status = 'pending';
    -- What a replay has put in line and is on its way, lane by lane.
    CREATE INDEX webhook_deliveries_replay ON webhook_deliveries (replay_id, lane, due_at)
      WHERE status = 'pending' AND replay_id IS NOT NULL;

    -- Bodies that may not go yet are passed over once a day, and not by every batch: the walk needs an order without ties.
    DROP INDEX webhook_messages_with_body;
    CREATE INDEX webhook_messages_with_body ON webhook_messages (created_at, id) WHERE body IS NOT NULL;

    -- Compressing a body of 8 kB and reading it again is a third of what Postgres does for a delivery (0.9 ms of CPU, 0.6
    -- without); the table is twice as large for as long as bodies are kept.
    ALTER TABLE webhook_messages ALTER COLUMN body SET STORAGE EXTERNAL;

    ALTER TABLE webhook_attempts ADD COLUMN replay_id uuid;

    CREATE FUNCTION fill_delivery_of_before_endpoints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.owner := 'partner_key:' || (NEW.secret ->> 'key_id');
      NEW.lane := NEW.owner || '/' || NEW.target_host;
      NEW.event_type := coalesce(
        (SELECT m.event_type FROM webhooks.webhook_messages m WHERE m.id = NEW.message_id), 'partner.job.finished'
      );
      RETURN NEW;
    END $$;
    CREATE TRIGGER webhook_deliveries_of_before_endpoints BEFORE INSERT ON webhook_deliveries
      FOR EACH ROW WHEN (NEW.lane IS NULL) EXECUTE FUNCTION fill_delivery_of_before_endpoints();
  `.execute(trx),
);
