import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Users, their sessions and the keys that sign access tokens. Times carry milliseconds, because that is what answers and
 * cursors show.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE identity.users (
      id uuid PRIMARY KEY,
      -- external: known by the sub of a token of the Supabase project that is configured; it signs in there, not here.
      origin text NOT NULL DEFAULT 'local' CHECK (origin IN ('local', 'external')),
      -- Normalised by the service; "C": what Postgres calls lower case elsewhere depends on its locale.
      email text CHECK (char_length(email) BETWEEN 3 AND 320 AND email = lower(email COLLATE "C")),
      email_confirmed_at timestamptz(3),
      password_hash text CHECK (password_hash LIKE '$argon2id$%'),
      role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'agent', 'admin', 'super_admin')),
      -- Of external users: an administrator chose the role, so that of their tokens counts no more.
      role_is_set boolean NOT NULL DEFAULT false,
      business_id text CHECK (char_length(business_id) BETWEEN 1 AND 100),
      -- json, not jsonb: what a client stored comes back in its order.
      user_metadata json NOT NULL DEFAULT '{}' CHECK (json_typeof(user_metadata) = 'object'),
      -- Every access token that was issued before is void, whatever session it names.
      tokens_valid_from timestamptz(3),
      disabled_at timestamptz(3),
      last_sign_in_at timestamptz(3),
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      CHECK (origin = 'local' OR password_hash IS NULL)
    );
    CREATE UNIQUE INDEX users_email ON identity.users (email) WHERE origin = 'local';
    CREATE INDEX users_newest ON identity.users (created_at DESC, id DESC);
    CREATE INDEX users_administrators ON identity.users (role) WHERE role IN ('admin', 'super_admin');

    -- How a user may sign in: by e-mail and password, or with another provider.
    CREATE TABLE identity.user_identities (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
      provider text NOT NULL CHECK (provider IN ('email', 'google', 'twitter')),
      provider_id text NOT NULL,
      identity_data json NOT NULL DEFAULT '{}' CHECK (json_typeof(identity_data) = 'object'),
      last_sign_in_at timestamptz(3),
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3) NOT NULL,
      UNIQUE (provider, provider_id)
    );
    CREATE INDEX user_identities_user ON identity.user_identities (user_id);

    -- A session is one family of refresh tokens. A refresh token is derived from the session and a counter (see
    -- domain/sessions), so none is stored, and a racing tab gets the very same one again.
    CREATE TABLE identity.sessions (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
      refresh_counter integer NOT NULL DEFAULT 0 CHECK (refresh_counter >= 0),
      refreshed_at timestamptz(3),
      aal text NOT NULL DEFAULT 'aal1',
      -- [{"method":"password","timestamp":1734258600}], as in the token
      amr json NOT NULL DEFAULT '[]',
      -- Who holds it: a browser, or the client that a device code was approved for.
      client_name text CHECK (char_length(client_name) <= 200),
      user_agent text CHECK (char_length(user_agent) <= 512),
      ip text,
      created_at timestamptz(3) NOT NULL,
      ended_at timestamptz(3),
      end_reason text,
      CHECK ((ended_at IS NULL) = (end_reason IS NULL))
    );
    CREATE INDEX sessions_open ON identity.sessions (user_id, created_at DESC) WHERE ended_at IS NULL;
    CREATE INDEX sessions_ended ON identity.sessions (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX sessions_idle ON identity.sessions ((coalesce(refreshed_at, created_at))) WHERE ended_at IS NULL;

    -- What a mail carries: a link with the token, and a code to type. Asking again replaces it.
    CREATE TABLE identity.one_time_tokens (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
      purpose text NOT NULL CHECK (purpose IN ('signup', 'recovery', 'email_change')),
      token_hash text NOT NULL UNIQUE CHECK (token_hash ~ '^[0-9a-f]{64}$'),
      code_hash text NOT NULL CHECK (code_hash ~ '^[0-9a-f]{64}$'),
      wrong_tries integer NOT NULL DEFAULT 0 CHECK (wrong_tries >= 0),
      -- The address it was sent to; of an e-mail change, the new one.
      email text NOT NULL,
      -- PKCE: a client that began with a challenge gets a code, not tokens, from the link.
      code_challenge text,
      code_challenge_method text CHECK (code_challenge_method IN ('s256', 'plain')),
      created_at timestamptz(3) NOT NULL,
      expires_at timestamptz(3) NOT NULL,
      UNIQUE (user_id, purpose)
    );
    CREATE INDEX one_time_tokens_email ON identity.one_time_tokens (email, purpose);
    CREATE INDEX one_time_tokens_expired ON identity.one_time_tokens (expires_at);

    -- Private keys are encrypted (AES-256-GCM) with a key that is configured, never stored.
    CREATE TABLE identity.signing_keys (
      kid text PRIMARY KEY,
      public_jwk jsonb NOT NULL,
      private_key_encrypted text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      -- Published before it signs, and for as long as a token of it may live.
      signs_from timestamptz(3) NOT NULL,
      signs_until timestamptz(3),
      published_until timestamptz(3),
      CHECK ((signs_until IS NULL) = (published_until IS NULL))
    );
  `.execute(trx),
);
