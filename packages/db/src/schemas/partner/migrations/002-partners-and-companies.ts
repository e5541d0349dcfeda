import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Partners, their keys, and the companies and agents whose calls are analysed.
 *
 * Times carry milliseconds, because that is what answers and cursors show: a finer time in the table would make a
 * cursor skip or repeat rows. Every row carries its environment; composite foreign keys keep the two apart.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE FUNCTION partner.new_id() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    -- UUID v7: the milliseconds in front of a random v4, whose version digit 4 becomes 7. In SQL, because Postgres
    -- has uuidv7() only since 18.
    RETURN encode(
      set_bit(
        set_bit(
          overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6),
          52, 1),
        53, 1),
      'hex')::uuid;

    CREATE TABLE partner.partners (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 200),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (id, name)
    );

    CREATE TABLE partner.companies (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
      industry text CHECK (char_length(industry) BETWEEN 1 AND 100),
      contact_email text NOT NULL CHECK (char_length(contact_email) BETWEEN 3 AND 320),
      total_calls integer NOT NULL DEFAULT 0 CHECK (total_calls >= 0),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (id, environment)
    );
    CREATE INDEX companies_newest ON partner.companies (environment, created_at DESC, id DESC);

    -- The total of a list must not count the table: a figure that every insert and delete moves.
    CREATE TABLE partner.company_totals (
      environment text PRIMARY KEY CHECK (environment IN ('sandbox', 'production')),
      total bigint NOT NULL CHECK (total >= 0)
    );
    INSERT INTO partner.company_totals (environment, total) VALUES ('sandbox', 0), ('production', 0);

    CREATE FUNCTION partner.count_companies() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE partner.company_totals AS totals
      SET total = totals.total + (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END) * moved.count
      FROM (SELECT environment, count(*) AS count FROM changed_rows GROUP BY environment) AS moved
      WHERE totals.environment = moved.environment;
      RETURN NULL;
    END $$;
    CREATE TRIGGER count_inserted AFTER INSERT ON partner.companies
      REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION partner.count_companies();
    CREATE TRIGGER count_deleted AFTER DELETE ON partner.companies
      REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION partner.count_companies();

    CREATE TABLE partner.company_questionnaires (
      company_id uuid PRIMARY KEY,
      environment text NOT NULL,
      -- json, not jsonb: a questionnaire comes back with its questions in the order they were sent.
      questionnaire_data json NOT NULL CHECK (json_typeof(questionnaire_data) = 'object'),
      updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      FOREIGN KEY (company_id, environment) REFERENCES partner.companies (id, environment) ON DELETE CASCADE
    );

    CREATE TABLE partner.agents (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      company_id uuid NOT NULL,
      environment text NOT NULL,
      email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 320),
      name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
      role text NOT NULL DEFAULT 'agent' CHECK (role IN ('agent', 'manager')),
      phone text CHECK (char_length(phone) BETWEEN 1 AND 50),
      password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
      must_change_password boolean NOT NULL DEFAULT true,
      total_calls integer NOT NULL DEFAULT 0 CHECK (total_calls >= 0),
      score_total numeric(12, 1) NOT NULL DEFAULT 0 CHECK (score_total >= 0),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (id, company_id),
      FOREIGN KEY (company_id, environment) REFERENCES partner.companies (id, environment)
    );
    CREATE UNIQUE INDEX agents_email ON partner.agents (company_id, lower(email));
    CREATE INDEX agents_newest ON partner.agents (company_id, created_at DESC, id DESC);

    CREATE TABLE partner.partner_api_keys (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      partner_id uuid NOT NULL,
      partner_name text NOT NULL,
      api_key_hash text NOT NULL UNIQUE CHECK (api_key_hash ~ '^[0-9a-f]{64}$'),
      api_secret_hash text NOT NULL CHECK (api_secret_hash ~ '^[0-9a-f]{64}$'),
      previous_secret_hash text CHECK (previous_secret_hash ~ '^[0-9a-f]{64}$'),
      previous_secret_expires_at timestamptz(3),
      key_prefix text NOT NULL,
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      company_id uuid,
      permissions jsonb NOT NULL DEFAULT '{"all": true}' CHECK (
        permissions = '{"all": true}'::jsonb
        OR (
          jsonb_typeof(permissions) = 'array'
          AND permissions <@ '["companies.read", "companies.write", "agents.read", "agents.write", "calls.analyze", "jobs.read"]'::jsonb
        )
      ),
      -- Addresses and networks; an empty list allows every address.
      allowed_ips inet[] NOT NULL DEFAULT '{}' CHECK (array_position(allowed_ips, NULL) IS NULL),
      rate_limit_per_minute integer NOT NULL DEFAULT 1000 CHECK (rate_limit_per_minute > 0),
      webhook_secret_version integer NOT NULL DEFAULT 1 CHECK (webhook_secret_version > 0),
      is_active boolean NOT NULL DEFAULT true,
      revoked_at timestamptz(3),
      expires_at timestamptz(3),
      last_used_at timestamptz(3),
      created_by text NOT NULL DEFAULT session_user,
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      CHECK ((previous_secret_hash IS NULL) = (previous_secret_expires_at IS NULL)),
      CHECK (revoked_at IS NULL OR NOT is_active),
      FOREIGN KEY (partner_id, partner_name) REFERENCES partner.partners (id, name) ON UPDATE CASCADE,
      FOREIGN KEY (company_id, environment) REFERENCES partner.companies (id, environment)
    );
    CREATE INDEX partner_api_keys_partner ON partner.partner_api_keys (partner_id, created_at DESC);
    CREATE INDEX partner_api_keys_company ON partner.partner_api_keys (company_id) WHERE company_id IS NOT NULL;
  `.execute(trx);

  // pg_trgm comes with Postgres and its owner may install it. Where it is missing, searches look at the newest
  // companies only (see findCompanies in partner-service).
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
          RAISE NOTICE 'pg_trgm may not be installed by %: company search stays bounded. Ask a superuser for CREATE EXTENSION pg_trgm, then create index companies_search.', current_user;
        END;
      END IF;
      SELECT n.nspname INTO trigrams
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      IF trigrams IS NOT NULL THEN
        EXECUTE format(
          'CREATE INDEX companies_search ON partner.companies USING gin (name %1$I.gin_trgm_ops, industry %1$I.gin_trgm_ops)',
          trigrams);
      END IF;
    END $$;
  `.execute(trx);
});
