import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What an operator does with partner keys, in SQL: make, rotate, revoke. Keys are made here exactly as
 * `completeKey` of packages/contracts completes them, and webhook secrets as `deriveWebhookSecret` derives them.
 *
 * No extension is needed: randomness is gen_random_uuid() (the server's strong source), hashing is sha256().
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE FUNCTION partner.base62_crc32(input text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      alphabet constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
      bytes constant bytea := convert_to(input, 'UTF8');
      crc bigint := 4294967295;
      result text := '';
    BEGIN
      FOR i IN 0..length(bytes) - 1 LOOP
        crc := crc # get_byte(bytes, i);
        FOR step IN 1..8 LOOP
          crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 3988292384 ELSE crc >> 1 END;
        END LOOP;
      END LOOP;
      crc := crc # 4294967295;
      FOR i IN 1..6 LOOP
        result := substr(alphabet, (crc % 62)::integer + 1, 1) || result;
        crc := crc / 62;
      END LOOP;
      RETURN result;
    END $$;

    CREATE FUNCTION partner.generate_key(prefix text) RETURNS text
    LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      alphabet constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
      bytes bytea;
      value integer;
      result text := prefix;
    BEGIN
      WHILE length(result) < length(prefix) + 30 LOOP
        bytes := uuid_send(gen_random_uuid());
        FOR i IN 0..15 LOOP
          -- Bytes 6 and 8 of a v4 UUID carry its version and variant: they are not random throughout.
          CONTINUE WHEN i IN (6, 8);
          value := get_byte(bytes, i);
          -- 248 = 4 * 62. Larger values are thrown away, or some characters would come more often than others.
          CONTINUE WHEN value >= 248;
          EXIT WHEN length(result) = length(prefix) + 30;
          result := result || substr(alphabet, value % 62 + 1, 1);
        END LOOP;
      END LOOP;
      RETURN result || partner.base62_crc32(result);
    END $$;

    CREATE FUNCTION partner.hash_key(key text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(sha256(convert_to(key, 'UTF8')), 'hex');

    CREATE FUNCTION partner.hmac_sha256(message bytea, key bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      block bytea := (CASE WHEN length(key) > 64 THEN sha256(key) ELSE key END);
      inner_pad bytea;
      outer_pad bytea;
    BEGIN
      block := block || decode(repeat('00', 64 - length(block)), 'hex');
      inner_pad := block;
      outer_pad := block;
      FOR i IN 0..63 LOOP
        inner_pad := set_byte(inner_pad, i, get_byte(block, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(block, i) # 92);
      END LOOP;
      RETURN sha256(outer_pad || sha256(inner_pad || message));
    END $$;

    CREATE FUNCTION partner.derive_webhook_secret(key_id uuid, version integer) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      secret constant text := current_setting('switchboard.webhook_secret', true);
    BEGIN
      IF coalesce(secret, '') = '' THEN
        RAISE NOTICE 'webhook_secret is NULL: this session does not know WEBHOOK_SECRET.'
          USING HINT = 'SET switchboard.webhook_secret = the value of WEBHOOK_SECRET, then call rotate_partner_api_key, or use npx switchboard partner-keys.';
        RETURN NULL;
      END IF;
      RETURN 'whsec_' || encode(
        partner.hmac_sha256(convert_to(key_id || '.' || version, 'UTF8'), convert_to(secret, 'UTF8')), 'base64');
    END $$;

    CREATE FUNCTION partner.generate_partner_api_key(
      partner_name text,
      environment text,
      company_id uuid DEFAULT NULL,
      expires_in_days integer DEFAULT 365
    ) RETURNS TABLE (api_key text, api_secret text, key_id uuid, webhook_secret text)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_variable
    DECLARE
      trimmed constant text := btrim(partner_name);
      owner_id uuid;
    BEGIN
      IF coalesce(char_length(trimmed), 0) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'partner_name must have 1 to 200 characters' USING ERRCODE = 'invalid_parameter_value';
      END IF;
      IF environment IS NULL OR environment NOT IN ('sandbox', 'production') THEN
        RAISE EXCEPTION 'environment must be sandbox or production' USING ERRCODE = 'invalid_parameter_value';
      END IF;
      IF expires_in_days NOT BETWEEN 1 AND 36500 THEN
        RAISE EXCEPTION 'expires_in_days must be 1 to 36500, or NULL for a key that does not expire'
          USING ERRCODE = 'invalid_parameter_value';
      END IF;
      IF company_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM partner.companies c WHERE c.id = company_id AND c.environment = environment
      ) THEN
        RAISE EXCEPTION 'there is no company % in the % environment', company_id, environment
          USING ERRCODE = 'invalid_parameter_value';
      END IF;

      INSERT INTO partner.partners (name) VALUES (trimmed) ON CONFLICT (name) DO NOTHING;
      SELECT p.id INTO STRICT owner_id FROM partner.partners p WHERE p.name = trimmed;

      api_key := partner.generate_key('pk_' || environment || '_');
      api_secret := partner.generate_key('sk_');
      INSERT INTO partner.partner_api_keys AS k (
        partner_id, partner_name, api_key_hash, api_secret_hash, key_prefix, environment, company_id, expires_at
      ) VALUES (
        owner_id, trimmed, partner.hash_key(api_key), partner.hash_key(api_secret), left(api_key, 12),
        environment, company_id, clock_timestamp() + make_interval(days => expires_in_days)
      ) RETURNING k.id INTO key_id;
      webhook_secret := partner.derive_webhook_secret(key_id, 1);
      RETURN NEXT;
    END $$;

    CREATE FUNCTION partner.rotate_partner_api_key(
      key_id uuid,
      overlap interval DEFAULT '24 hours',
      rotate_webhook boolean DEFAULT false
    ) RETURNS TABLE (api_secret text, webhook_secret text, old_secret_valid_until timestamptz)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_variable
    DECLARE
      old partner.partner_api_keys;
      keeps_old boolean;
      new_version integer;
    BEGIN
      IF overlap IS NULL OR overlap < interval '0' OR overlap > interval '30 days' THEN
        RAISE EXCEPTION 'overlap must be 0 to 30 days' USING ERRCODE = 'invalid_parameter_value';
      END IF;
      SELECT * INTO old FROM partner.partner_api_keys k WHERE k.id = key_id FOR UPDATE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no partner key %', key_id USING ERRCODE = 'no_data_found';
      END IF;
      IF old.revoked_at IS NOT NULL THEN
        RAISE EXCEPTION 'partner key % was revoked: that is final', key_id
          USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make a new key with generate_partner_api_key.';
      END IF;

      keeps_old := overlap > interval '0';
      new_version := old.webhook_secret_version + (CASE WHEN coalesce(rotate_webhook, false) THEN 1 ELSE 0 END);
      api_secret := partner.generate_key('sk_');
      old_secret_valid_until := date_trunc('milliseconds', clock_timestamp() + overlap);
      UPDATE partner.partner_api_keys k SET
        api_secret_hash = partner.hash_key(api_secret),
        previous_secret_hash = CASE WHEN keeps_old THEN old.api_secret_hash END,
        previous_secret_expires_at = CASE WHEN keeps_old THEN old_secret_valid_until END,
        webhook_secret_version = new_version
      WHERE k.id = key_id;
      webhook_secret := partner.derive_webhook_secret(key_id, new_version);
      RETURN NEXT;
    END $$;

    CREATE FUNCTION partner.revoke_partner_api_key(key_id uuid) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_variable
    DECLARE
      revoked timestamptz;
    BEGIN
      UPDATE partner.partner_api_keys k
      SET is_active = false, revoked_at = coalesce(k.revoked_at, clock_timestamp())
      WHERE k.id = key_id
      RETURNING k.revoked_at INTO revoked;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no partner key %', key_id USING ERRCODE = 'no_data_found';
      END IF;
      RETURN revoked;
    END $$;
  `.execute(trx),
);
