import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/** Sign-in that leaves this page and comes back: other providers, codes of PKCE, and devices. */
export const migration = defineMigration((trx) =>
  sql`
    -- A sign-in with another provider that is under way.
    CREATE TABLE identity.oauth_flows (
      id uuid PRIMARY KEY,
      state_hash text NOT NULL UNIQUE CHECK (state_hash ~ '^[0-9a-f]{64}$'),
      -- The browser that began must be the one that comes back.
      browser_hash text NOT NULL CHECK (browser_hash ~ '^[0-9a-f]{64}$'),
      provider text NOT NULL CHECK (provider IN ('google', 'twitter')),
      -- page: it leads to a session of our own pages, and issues nothing.
      purpose text NOT NULL DEFAULT 'client' CHECK (purpose IN ('client', 'page')),
      redirect_to text NOT NULL,
      -- Ours towards the provider.
      code_verifier_encrypted text NOT NULL,
      nonce text NOT NULL,
      -- The client's towards us; null: it wants tokens in the fragment.
      code_challenge text,
      code_challenge_method text CHECK (code_challenge_method IN ('s256', 'plain')),
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3) NOT NULL
    );
    CREATE INDEX oauth_flows_expired ON identity.oauth_flows (expires_at);

    -- What a client exchanges, once, at /token?grant_type=pkce.
    CREATE TABLE identity.auth_codes (
      code_hash text PRIMARY KEY CHECK (code_hash ~ '^[0-9a-f]{64}$'),
      user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
      code_challenge text NOT NULL,
      code_challenge_method text NOT NULL CHECK (code_challenge_method IN ('s256', 'plain')),
      -- As amr names it: oauth, recovery, otp.
      method text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3) NOT NULL
    );
    -- Of this table, of page_sessions and of devices: signing out everywhere ends what is under way.
    CREATE INDEX auth_codes_user ON identity.auth_codes (user_id);
    CREATE INDEX auth_codes_expired ON identity.auth_codes (expires_at);

    -- RFC 8628. Codes are stored as hashes.
    CREATE TABLE identity.device_authorizations (
      id uuid PRIMARY KEY,
      device_code_hash text NOT NULL UNIQUE CHECK (device_code_hash ~ '^[0-9a-f]{64}$'),
      user_code_hash text NOT NULL CHECK (user_code_hash ~ '^[0-9a-f]{64}$'),
      client_id text CHECK (char_length(client_id) <= 200),
      -- The client's own word for itself.
      client_name text CHECK (char_length(client_name) <= 100),
      scope text CHECK (char_length(scope) <= 500),
      -- Shown to whoever decides.
      ip text,
      user_agent text CHECK (char_length(user_agent) <= 512),
      status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied', 'used')),
      user_id uuid REFERENCES identity.users (id) ON DELETE CASCADE,
      interval_seconds integer NOT NULL DEFAULT 5 CHECK (interval_seconds BETWEEN 1 AND 3600),
      last_polled_at timestamptz(3),
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3) NOT NULL,
      decided_at timestamptz(3),
      CHECK ((status IN ('approved', 'used')) <= (user_id IS NOT NULL))
    );
    CREATE UNIQUE INDEX device_authorizations_user_code ON identity.device_authorizations (user_code_hash)
      WHERE status = 'pending';
    CREATE INDEX device_authorizations_approved ON identity.device_authorizations (user_id) WHERE status = 'approved';
    CREATE INDEX device_authorizations_expired ON identity.device_authorizations (expires_at);

    -- Wrong user codes of an address: after five it waits.
    CREATE TABLE identity.user_code_tries (
      address text PRIMARY KEY,
      wrong_tries integer NOT NULL,
      counts_until timestamptz(3) NOT NULL
    );
    CREATE INDEX user_code_tries_over ON identity.user_code_tries (counts_until);

    -- Who is signed in at our own pages (/device): a short session of the browser, not of the API.
    CREATE TABLE identity.page_sessions (
      id_hash text PRIMARY KEY CHECK (id_hash ~ '^[0-9a-f]{64}$'),
      user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
      -- The device whose code was typed, until it is decided about.
      device_authorization_id uuid REFERENCES identity.device_authorizations (id) ON DELETE SET NULL,
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3) NOT NULL
    );
    CREATE INDEX page_sessions_user ON identity.page_sessions (user_id);
    CREATE INDEX page_sessions_device ON identity.page_sessions (device_authorization_id);
    CREATE INDEX page_sessions_expired ON identity.page_sessions (expires_at);
  `.execute(trx),
);
