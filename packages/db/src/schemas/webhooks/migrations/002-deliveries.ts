import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Messages, their deliveries, and the attempts of these. Words: *message*, *delivery*, *attempt*, *lease* as in
 * apps/webhook-dispatcher/src/domain/deliveries/types.ts.
 *
 * Every write of the flow finds its row by primary key. What is due is found by one partial index that holds only
 * deliveries that are not over, so it stays as small as the work at hand, however large the tables are.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE webhook_messages (
      -- "webhook-id" on the wire: the same over all attempts.
      id text PRIMARY KEY CHECK (char_length(id) BETWEEN 1 AND 200),
      event_type text NOT NULL,
      -- Text, never json: these are the bytes that are signed. Null once its time is over.
      body text,
      traceparent text,
      created_at timestamptz(3) NOT NULL
    );
    CREATE INDEX webhook_messages_with_body ON webhook_messages (created_at) WHERE body IS NOT NULL;

    CREATE TABLE webhook_deliveries (
      id uuid PRIMARY KEY,
      message_id text NOT NULL REFERENCES webhook_messages (id) ON DELETE CASCADE,
      profile text NOT NULL CHECK (profile IN ('partner')),
      url text NOT NULL,
      -- Host and port of the url: sends are bounded by it.
      target_host text COLLATE "C" NOT NULL,
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      -- Which secret signs it: {kind, key_id, version}. Never the secret.
      secret jsonb NOT NULL CHECK (secret ? 'kind'),
      status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'exhausted')),
      -- The number of the last attempt on record, lost ones too.
      attempt_count integer NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
      -- Steps of the schedule that are used up; a lost attempt uses none.
      schedule_step integer NOT NULL DEFAULT 0 CHECK (schedule_step BETWEEN 0 AND attempt_count),
      -- When a dispatcher may take it: its next attempt or, while one works on it, the end of that one's lease.
      due_at timestamptz(3),
      lease_owner text,
      leased_at timestamptz(3),
      created_at timestamptz(3) NOT NULL,
      finished_at timestamptz(3),
      CHECK ((status = 'pending') = (due_at IS NOT NULL)),
      CHECK ((status = 'pending') = (finished_at IS NULL)),
      CHECK ((lease_owner IS NULL) = (leased_at IS NULL)),
      CHECK (status = 'pending' OR (lease_owner IS NULL AND attempt_count > 0))
    )
    -- Each row is updated twice within milliseconds: room on its page for that, and a vacuum that keeps up.
    WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
    -- One delivery per message, as long as every message is for one address.
    CREATE UNIQUE INDEX webhook_deliveries_message ON webhook_deliveries (message_id);
    CREATE INDEX webhook_deliveries_due ON webhook_deliveries (target_host, due_at)
      WHERE status = 'pending';
    CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at)
      WHERE status <> 'pending';

    CREATE TABLE webhook_attempts (
      delivery_id uuid NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
      attempt_number integer NOT NULL CHECK (attempt_number >= 1),
      outcome text NOT NULL CHECK (outcome IN ('succeeded', 'failed', 'lost')),
      http_status integer CHECK (http_status BETWEEN 100 AND 999),
      -- What the receiver answered: its headers, and the first 16 kB as text.
      answer_headers jsonb,
      answer_body text,
      -- Null when nobody knows.
      duration_ms integer CHECK (duration_ms >= 0),
      -- In words that a partner can act on.
      error text,
      attempted_at timestamptz(3) NOT NULL,
      PRIMARY KEY (delivery_id, attempt_number),
      CHECK ((outcome = 'succeeded') = (error IS NULL)),
      CHECK (outcome <> 'succeeded' OR (http_status BETWEEN 200 AND 299 AND duration_ms IS NOT NULL)),
      CHECK ((http_status IS NULL) = (answer_headers IS NULL))
    );
    CREATE INDEX webhook_attempts_oldest ON webhook_attempts (attempted_at);
  `.execute(trx),
);
