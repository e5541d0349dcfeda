import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Tickets, what is said about them, what happened to them, and the feed of each token (spec: tickets; the names `tickets`
 * and `ticket_comments` are the guide's).
 *
 * A change that may be known outside has a sequence among the changes of its token. Whoever makes one holds the row of
 * `token_feeds` until its commit, so numbers have no gap and follow the order of commits: what makes the feed a proof.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE tickets.tickets (
      id uuid PRIMARY KEY,
      -- In the order in which tickets are opened, over all tokens; may have gaps.
      number bigint GENERATED ALWAYS AS IDENTITY,
      -- Null: opened inside. Tokens are never deleted, only hidden.
      token_id uuid REFERENCES tickets.integration_tokens (id),
      integration_source text NOT NULL,
      -- A call of another schema: no foreign key reaches there.
      call_id uuid,
      title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 500),
      description text CHECK (char_length(description) BETWEEN 1 AND 50000),
      status text NOT NULL DEFAULT 'open'
        CHECK (status IN ('open', 'in_progress', 'waiting', 'resolved', 'closed')),
      priority text NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
      category text CHECK (char_length(category) BETWEEN 1 AND 100),
      -- json, not jsonb: it comes back as it was sent.
      metadata json NOT NULL DEFAULT '{}' CHECK (json_typeof(metadata) = 'object'),
      -- One more with every change that may be known outside: whoever is outside cannot tell the others from nothing.
      version integer NOT NULL DEFAULT 1 CHECK (version > 0),
      assignee_id uuid,
      assignee_name text,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      resolved_at timestamptz(3),
      closed_at timestamptz(3),

      -- Clocks, in business time. Since when they run (null: they stand still), and what they counted before that.
      sla_running_since timestamptz(3),
      sla_used_ms bigint NOT NULL DEFAULT 0 CHECK (sla_used_ms >= 0),
      first_response_target_ms bigint CHECK (first_response_target_ms > 0),
      first_response_due_at timestamptz(3),
      first_responded_at timestamptz(3),
      first_response_breached_at timestamptz(3),
      resolution_target_ms bigint CHECK (resolution_target_ms > 0),
      resolution_due_at timestamptz(3),
      resolution_breached_at timestamptz(3),
      -- When somebody has to look next: of the clocks that run and have not run out, the first.
      sla_next_due_at timestamptz(3) GENERATED ALWAYS AS (
        least(
          CASE WHEN first_responded_at IS NULL AND first_response_breached_at IS NULL THEN first_response_due_at END,
          CASE WHEN resolution_breached_at IS NULL THEN resolution_due_at END
        )
      ) STORED,

      CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
      CHECK (status <> 'resolved' OR resolved_at IS NOT NULL),
      CHECK (status IN ('resolved', 'closed') OR resolved_at IS NULL),
      CHECK (status IN ('open', 'in_progress') OR sla_running_since IS NULL),
      CHECK (sla_running_since IS NOT NULL OR (first_response_due_at IS NULL AND resolution_due_at IS NULL)),
      CHECK (updated_at >= created_at),
      CHECK (assignee_id IS NOT NULL OR assignee_name IS NULL)
    );
    CREATE INDEX tickets_newest ON tickets.tickets (created_at DESC, id DESC);
    CREATE INDEX tickets_newest_of_token ON tickets.tickets (token_id, created_at DESC, id DESC);
    CREATE INDEX tickets_of_token_by_status ON tickets.tickets (token_id, status, created_at DESC, id DESC);
    CREATE INDEX tickets_by_status ON tickets.tickets (status, created_at DESC, id DESC);
    CREATE INDEX tickets_by_assignee ON tickets.tickets (assignee_id, created_at DESC, id DESC)
      WHERE assignee_id IS NOT NULL;
    CREATE INDEX tickets_of_call ON tickets.tickets (call_id, created_at DESC, id DESC) WHERE call_id IS NOT NULL;
    CREATE INDEX tickets_due ON tickets.tickets (sla_next_due_at) WHERE sla_next_due_at IS NOT NULL;
    CREATE INDEX tickets_breached ON tickets.tickets (created_at DESC, id DESC)
      WHERE first_response_breached_at IS NOT NULL OR resolution_breached_at IS NOT NULL;

    CREATE TABLE tickets.ticket_comments (
      id uuid PRIMARY KEY,
      ticket_id uuid NOT NULL REFERENCES tickets.tickets (id),
      content text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 20000),
      -- True: never leaves through the tickets surface, its feed or its webhooks.
      is_internal boolean NOT NULL,
      author_kind text NOT NULL CHECK (author_kind IN ('token', 'staff', 'service')),
      author_id text NOT NULL,
      author_name text,
      created_at timestamptz(3) NOT NULL
    );
    CREATE INDEX ticket_comments_newest ON tickets.ticket_comments (ticket_id, created_at DESC, id DESC);
    CREATE INDEX ticket_comments_newest_public ON tickets.ticket_comments (ticket_id, created_at DESC, id DESC)
      WHERE NOT is_internal;

    CREATE TABLE tickets.ticket_attachments (
      id uuid PRIMARY KEY,
      ticket_id uuid NOT NULL REFERENCES tickets.tickets (id),
      -- Before its bytes are stored there is the row, so that nothing is stored that nobody knows of.
      status text NOT NULL CHECK (status IN ('pending', 'stored')),
      storage_key text NOT NULL UNIQUE,
      file_name text NOT NULL CHECK (char_length(file_name) BETWEEN 1 AND 255),
      content_type text NOT NULL,
      size_bytes bigint NOT NULL CHECK (size_bytes > 0),
      sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
      uploader_kind text NOT NULL CHECK (uploader_kind IN ('token', 'staff', 'service')),
      uploader_id text NOT NULL,
      created_at timestamptz(3) NOT NULL
    );
    CREATE INDEX ticket_attachments_of_ticket ON tickets.ticket_attachments (ticket_id, created_at, id);
    CREATE INDEX ticket_attachments_pending ON tickets.ticket_attachments (created_at) WHERE status = 'pending';

    CREATE TABLE tickets.token_feeds (
      token_id uuid PRIMARY KEY REFERENCES tickets.integration_tokens (id),
      last_sequence bigint NOT NULL CHECK (last_sequence >= 0)
    ) WITH (fillfactor = 50);

    -- The history of every ticket. Those with a sequence are the feed of its token, of which data alone leaves.
    CREATE TABLE tickets.ticket_changes (
      id uuid PRIMARY KEY,
      ticket_id uuid NOT NULL REFERENCES tickets.tickets (id),
      type text NOT NULL CHECK (type IN ('created', 'updated', 'status_changed', 'commented', 'assigned', 'attached', 'sla_breached')),
      token_id uuid REFERENCES tickets.integration_tokens (id),
      sequence bigint CHECK (sequence > 0),
      actor_kind text NOT NULL CHECK (actor_kind IN ('token', 'staff', 'service')),
      actor_id text NOT NULL,
      actor_name text,
      -- What the feed says.
      data json CHECK (json_typeof(data) = 'object'),
      -- What the history says: by field what was so and is so, and ids.
      details json NOT NULL DEFAULT '{}' CHECK (json_typeof(details) = 'object'),
      created_at timestamptz(3) NOT NULL,
      UNIQUE (token_id, sequence),
      CHECK (sequence IS NULL OR (token_id IS NOT NULL AND data IS NOT NULL))
    );
    CREATE INDEX ticket_changes_newest ON tickets.ticket_changes (ticket_id, created_at DESC, id DESC);
  `.execute(trx);
});
