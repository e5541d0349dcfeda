import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/** What administrators did, what was found in public, and the mail that waits to be sent. */
export const migration = defineMigration((trx) =>
  sql`
    -- One row an administrative act of any service; id is the event's, so an act is kept once.
    CREATE TABLE identity.audit_log (
      id uuid PRIMARY KEY,
      at timestamptz(3) NOT NULL,
      service text NOT NULL,
      action text NOT NULL,
      actor_user_id uuid,
      actor_email text,
      actor_role text,
      target_type text NOT NULL,
      target_id text NOT NULL,
      target_name text,
      before json,
      after json,
      ip text,
      user_agent text,
      request_id text
    );
    CREATE INDEX audit_log_newest ON identity.audit_log (at DESC, id DESC);
    CREATE INDEX audit_log_service ON identity.audit_log (service, at DESC, id DESC);
    CREATE INDEX audit_log_actor ON identity.audit_log (actor_user_id, at DESC, id DESC);
    CREATE INDEX audit_log_actor_action ON identity.audit_log (actor_user_id, action, at DESC, id DESC);
    CREATE INDEX audit_log_target ON identity.audit_log (target_type, target_id, at DESC, id DESC);
    CREATE INDEX audit_log_action ON identity.audit_log (action, at DESC, id DESC);

    -- Whatever goes wrong in the service, or whoever gets hold of its password: what was done stays written.
    CREATE FUNCTION identity.keep_audit_log() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
    END $$;
    CREATE TRIGGER keep_audit_log BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.audit_log
      FOR EACH STATEMENT EXECUTE FUNCTION identity.keep_audit_log();

    CREATE TABLE identity.leak_reports (
      id uuid PRIMARY KEY,
      provider text NOT NULL,
      token_kind text NOT NULL CHECK (
        token_kind IN ('partner_key', 'partner_secret', 'api_key', 'api_secret', 'integration_token')
      ),
      token_hash text NOT NULL CHECK (token_hash ~ '^[0-9a-f]{64}$'),
      url text,
      reported_at timestamptz(3) NOT NULL,
      UNIQUE (token_hash, token_kind)
    );

    -- What lists of users are asked for.
    CREATE INDEX users_by_role ON identity.users (role, created_at DESC, id DESC);
    CREATE INDEX users_by_origin ON identity.users (origin, created_at DESC, id DESC);
    CREATE INDEX users_disabled ON identity.users (created_at DESC, id DESC) WHERE disabled_at IS NOT NULL;
    CREATE INDEX users_email_prefix ON identity.users (email text_pattern_ops);

    -- Mail is written down with the change that it is about, and sent after. user_id null: it is for nobody, and is
    -- removed unsent; so that asking for an unknown address costs what asking for a known one costs.
    CREATE TABLE identity.mail (
      id uuid PRIMARY KEY,
      kind text NOT NULL,
      user_id uuid REFERENCES identity.users (id) ON DELETE CASCADE,
      to_email text NOT NULL,
      subject text NOT NULL,
      -- Holds links with tokens: encrypted, and removed once it is sent.
      text_encrypted text,
      attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
      next_attempt_at timestamptz(3) NOT NULL,
      created_at timestamptz(3) NOT NULL,
      sent_at timestamptz(3),
      failed_at timestamptz(3),
      error text,
      CHECK (sent_at IS NULL OR failed_at IS NULL),
      CHECK ((sent_at IS NULL AND failed_at IS NULL) OR text_encrypted IS NULL)
    );
    CREATE INDEX mail_user ON identity.mail (user_id, kind, created_at);
    CREATE INDEX mail_waiting ON identity.mail (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
    CREATE INDEX mail_done ON identity.mail (created_at) WHERE sent_at IS NOT NULL OR failed_at IS NOT NULL;
  `.execute(trx),
);
