import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Key pairs of the calls surface. Every change of one tells the gateways to forget it, whoever made it and however: from a
 * trigger, so that an operator's plain UPDATE counts too.
 */
export const migration = defineMigration((trx) =>
  sql`
    -- Keys of one account see the same calls.
    CREATE TABLE identity.accounts (
      id uuid PRIMARY KEY,
      name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 200),
      created_at timestamptz(3) NOT NULL
    );

    CREATE TABLE identity.api_keys (
      id uuid PRIMARY KEY,
      name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
      account_id uuid NOT NULL REFERENCES identity.accounts (id),
      api_key_hash text NOT NULL UNIQUE CHECK (api_key_hash ~ '^[0-9a-f]{64}$'),
      api_secret_hash text NOT NULL CHECK (api_secret_hash ~ '^[0-9a-f]{64}$'),
      previous_secret_hash text CHECK (previous_secret_hash ~ '^[0-9a-f]{64}$'),
      previous_secret_expires_at timestamptz(3),
      previous_secret_last_used_at timestamptz(3),
      key_prefix text NOT NULL,
      -- environment: API_KEY and API_SECRET of the deployment, in whatever form they are.
      source text NOT NULL DEFAULT 'admin' CHECK (source IN ('admin', 'environment')),
      allowed_ips inet[] NOT NULL DEFAULT '{}' CHECK (array_position(allowed_ips, NULL) IS NULL),
      rate_limit_per_minute integer NOT NULL DEFAULT 100 CHECK (rate_limit_per_minute > 0),
      is_active boolean NOT NULL DEFAULT true,
      revoked_at timestamptz(3),
      expires_at timestamptz(3),
      -- 30, 7 or 1: the last reminder for expires_at that was sent, or that its setting came too late for.
      reminded_days_left integer CHECK (reminded_days_left BETWEEN 1 AND 30),
      last_used_at timestamptz(3),
      created_by uuid,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CHECK ((previous_secret_hash IS NULL) = (previous_secret_expires_at IS NULL)),
      CHECK (revoked_at IS NULL OR NOT is_active)
    );
    CREATE INDEX api_keys_newest ON identity.api_keys (created_at DESC, id DESC);
    CREATE INDEX api_keys_by_state ON identity.api_keys (is_active, created_at DESC, id DESC);
    CREATE INDEX api_keys_account ON identity.api_keys (account_id);
    -- Leaked secrets are looked up by themselves.
    CREATE INDEX api_keys_secret ON identity.api_keys (api_secret_hash);
    CREATE INDEX api_keys_previous_secret ON identity.api_keys (previous_secret_hash)
      WHERE previous_secret_hash IS NOT NULL;
    CREATE UNIQUE INDEX api_keys_environment ON identity.api_keys (source)
      WHERE source = 'environment' AND revoked_at IS NULL;
    CREATE INDEX api_keys_expiring ON identity.api_keys (expires_at) WHERE is_active AND expires_at IS NOT NULL;

    CREATE FUNCTION identity.guard_api_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.is_active) THEN
        RAISE EXCEPTION 'API key % was revoked: that is final', OLD.id
          USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new key.';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER guard_api_key BEFORE UPDATE ON identity.api_keys
      FOR EACH ROW EXECUTE FUNCTION identity.guard_api_key();

    CREATE FUNCTION identity.announce_api_key_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      changed_id constant uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END;
      change constant text := CASE
        WHEN TG_OP = 'INSERT' THEN 'created'
        WHEN TG_OP = 'DELETE' THEN 'revoked'
        WHEN NEW.revoked_at IS NOT NULL THEN 'revoked'
        ELSE 'updated'
      END;
    BEGIN
      PERFORM identity.emit_event('identity.api_key.changed', json_build_object('key_id', changed_id, 'change', change));
      RETURN NULL;
    END $$;
    CREATE TRIGGER announce_made_or_deleted AFTER INSERT OR DELETE ON identity.api_keys
      FOR EACH ROW EXECUTE FUNCTION identity.announce_api_key_change();
    -- Not of when it was used, nor of reminders: they say nothing about what the key may do.
    CREATE TRIGGER announce_changed AFTER UPDATE OF
        account_id, api_key_hash, api_secret_hash, previous_secret_hash, previous_secret_expires_at, allowed_ips,
        rate_limit_per_minute, is_active, revoked_at, expires_at
      ON identity.api_keys
      FOR EACH ROW EXECUTE FUNCTION identity.announce_api_key_change();
  `.execute(trx),
);
