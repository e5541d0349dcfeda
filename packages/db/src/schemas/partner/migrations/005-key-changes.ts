import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Every change of a key tells the gateways to forget it, whoever made it and however: the fact leaves through the
 * outbox, from a trigger, so that an operator's plain UPDATE counts as much as a function of ours.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE FUNCTION partner.guard_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.is_active) THEN
        RAISE EXCEPTION 'partner key % was revoked: that is final', OLD.id
          USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new key with generate_partner_api_key.';
      END IF;
      -- That a key was used says nothing about when somebody changed it.
      IF NEW.last_used_at IS NOT DISTINCT FROM OLD.last_used_at THEN
        NEW.updated_at := clock_timestamp();
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER guard_key BEFORE UPDATE ON partner.partner_api_keys
      FOR EACH ROW EXECUTE FUNCTION partner.guard_key();

    CREATE FUNCTION partner.announce_key_change() RETURNS trigger
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
      PERFORM partner.emit_event('partner.key.changed', json_build_object('key_id', changed_id, 'change', change));
      RETURN NULL;
    END $$;
    CREATE TRIGGER announce_made_or_deleted AFTER INSERT OR DELETE ON partner.partner_api_keys
      FOR EACH ROW EXECUTE FUNCTION partner.announce_key_change();
    -- Not of last_used_at and updated_at: they say nothing about what the key may do, and change all the time.
    CREATE TRIGGER announce_changed AFTER UPDATE OF
        id, partner_id, partner_name, api_key_hash, api_secret_hash, previous_secret_hash, previous_secret_expires_at,
        environment, company_id, permissions, allowed_ips, rate_limit_per_minute, webhook_secret_version, is_active,
        revoked_at, expires_at
      ON partner.partner_api_keys
      FOR EACH ROW EXECUTE FUNCTION partner.announce_key_change();
  `.execute(trx),
);
