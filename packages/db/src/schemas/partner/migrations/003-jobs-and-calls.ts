import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Jobs, the recordings they wait with, and the calls they end in.
 *
 * A job belongs to a partner, not to one key: whoever holds a key of the same partner and environment sees it.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE partner.async_jobs (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      job_type text NOT NULL DEFAULT 'call_analysis'
        CHECK (job_type IN ('call_analysis', 'simulation', 'batch_analysis', 'data_export')),
      partner_id uuid NOT NULL REFERENCES partner.partners (id),
      partner_api_key_id uuid NOT NULL REFERENCES partner.partner_api_keys (id),
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      company_id uuid NOT NULL,
      agent_id uuid NOT NULL,
      call_id uuid,
      status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
      progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
      -- What was asked for, without the recording and where it came from: {call_type, analysis_type, metadata, simulate}.
      input_data json NOT NULL CHECK (json_typeof(input_data) = 'object'),
      -- What came out in short; the whole is in partner.calls.
      output_data json CHECK (json_typeof(output_data) = 'object'),
      webhook_url text CHECK (char_length(webhook_url) BETWEEN 1 AND 2048),
      idempotency_key text CHECK (char_length(idempotency_key) BETWEEN 1 AND 255),
      error_message text,
      error_details jsonb,
      -- The trace of the request that made it, so that what housekeeping sends again still belongs to it.
      traceparent text,
      -- When housekeeping last asked for it again; null for almost every job.
      requeued_at timestamptz(3),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      started_at timestamptz(3),
      completed_at timestamptz(3),
      CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
      CHECK ((status = 'completed') = (call_id IS NOT NULL)),
      CHECK (status <> 'completed' OR (progress = 100 AND output_data IS NOT NULL)),
      CHECK ((status = 'failed') = (error_message IS NOT NULL)),
      CHECK ((status = 'failed') = (error_details IS NOT NULL AND error_details ? 'code')),
      FOREIGN KEY (company_id, environment) REFERENCES partner.companies (id, environment),
      FOREIGN KEY (agent_id, company_id) REFERENCES partner.agents (id, company_id)
    );
    -- A key may be used again after it was forgotten (24 h); the row it was used on first then lets go of it.
    CREATE UNIQUE INDEX async_jobs_idempotency ON partner.async_jobs (partner_id, environment, idempotency_key)
      WHERE idempotency_key IS NOT NULL;
    CREATE INDEX async_jobs_newest ON partner.async_jobs (partner_id, environment, created_at DESC, id DESC)
      INCLUDE (status, company_id);
    CREATE INDEX async_jobs_newest_by_status
      ON partner.async_jobs (partner_id, environment, status, created_at DESC, id DESC);
    CREATE INDEX async_jobs_company_newest
      ON partner.async_jobs (company_id, partner_id, created_at DESC, id DESC) INCLUDE (status);
    CREATE INDEX async_jobs_company_newest_by_status
      ON partner.async_jobs (company_id, partner_id, status, created_at DESC, id DESC);
    CREATE INDEX async_jobs_key ON partner.async_jobs (partner_api_key_id, created_at) INCLUDE (status);
    CREATE INDEX async_jobs_agent ON partner.async_jobs (agent_id);
    CREATE INDEX async_jobs_unfinished ON partner.async_jobs (updated_at) WHERE status IN ('queued', 'processing');

    CREATE TABLE partner.job_audio (
      job_id uuid PRIMARY KEY REFERENCES partner.async_jobs (id) ON DELETE CASCADE,
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      content bytea,
      content_bytes integer CHECK (content_bytes > 0),
      content_sha256 text CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
      content_kind text,
      url text CHECK (char_length(url) BETWEEN 1 AND 8192),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      CHECK ((content IS NULL) <> (url IS NULL)),
      CHECK ((content IS NULL) = (content_bytes IS NULL)),
      CHECK ((content IS NULL) = (content_sha256 IS NULL)),
      CHECK ((content IS NULL) = (content_kind IS NULL))
    );
    -- Recordings are compressed already; and stored as they are, a piece is read without reading what is before it.
    ALTER TABLE partner.job_audio ALTER COLUMN content SET STORAGE EXTERNAL;

    CREATE TABLE partner.calls (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      job_id uuid NOT NULL UNIQUE REFERENCES partner.async_jobs (id),
      partner_id uuid NOT NULL REFERENCES partner.partners (id),
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      company_id uuid NOT NULL,
      agent_id uuid NOT NULL,
      call_type text NOT NULL CHECK (char_length(call_type) BETWEEN 1 AND 100),
      analysis_type text NOT NULL CHECK (analysis_type IN ('full', 'tone_only')),
      duration_seconds double precision NOT NULL CHECK (duration_seconds >= 0),
      overall_score numeric(3, 1) NOT NULL CHECK (overall_score BETWEEN 0 AND 10),
      metadata json CHECK (json_typeof(metadata) = 'object'),
      -- json, not jsonb: results keep the order in which the guide shows them, and are never searched.
      results json NOT NULL CHECK (json_typeof(results) = 'object'),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      FOREIGN KEY (company_id, environment) REFERENCES partner.companies (id, environment),
      FOREIGN KEY (agent_id, company_id) REFERENCES partner.agents (id, company_id)
    );
    CREATE INDEX calls_newest ON partner.calls (partner_id, environment, created_at DESC, id DESC)
      INCLUDE (overall_score, duration_seconds);
    CREATE INDEX calls_company_newest ON partner.calls (company_id, partner_id, created_at DESC, id DESC)
      INCLUDE (overall_score, duration_seconds);
    CREATE INDEX calls_agent_newest ON partner.calls (agent_id, partner_id, created_at DESC, id DESC);
    ALTER TABLE partner.async_jobs
      ADD FOREIGN KEY (call_id) REFERENCES partner.calls (id) DEFERRABLE INITIALLY DEFERRED;

    CREATE TABLE partner.webhook_logs (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      async_job_id uuid NOT NULL REFERENCES partner.async_jobs (id) ON DELETE CASCADE,
      environment text NOT NULL CHECK (environment IN ('sandbox', 'production')),
      delivery_id uuid NOT NULL,
      webhook_url text NOT NULL,
      attempt_number integer NOT NULL CHECK (attempt_number > 0),
      http_status integer,
      success boolean NOT NULL,
      error_message text,
      duration_ms integer NOT NULL CHECK (duration_ms >= 0),
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (async_job_id, delivery_id, attempt_number)
    );
    CREATE INDEX webhook_logs_job ON partner.webhook_logs (async_job_id, created_at DESC);
    CREATE INDEX webhook_logs_age ON partner.webhook_logs (created_at);

    CREATE TABLE partner.partner_api_requests (
      id uuid PRIMARY KEY DEFAULT partner.new_id(),
      -- No foreign key: a log outlives what it speaks of, and a refused request may have no known key.
      partner_api_key_id uuid,
      environment text CHECK (environment IN ('sandbox', 'production')),
      endpoint text NOT NULL,
      method text NOT NULL,
      response_status integer NOT NULL,
      response_time_ms double precision NOT NULL,
      error_code text,
      request_id text NOT NULL,
      trace_id text NOT NULL,
      ip_address inet,
      user_agent text,
      idempotency_key text,
      created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX partner_api_requests_key
      ON partner.partner_api_requests (partner_api_key_id, created_at DESC, id DESC)
      INCLUDE (response_status, response_time_ms);
    CREATE INDEX partner_api_requests_age ON partner.partner_api_requests (created_at);
  `.execute(trx),
);
