import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Which worker analyses which job. Words: *lease*, *worker*, *release* as in
 * apps/ai-service/src/domain/analysis/types.ts. A row is found by its job alone; nothing lists this table.
 */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE ai.analyses (
      job_id uuid PRIMARY KEY,
      status text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
      -- How many workers took it, and how many of these let their lease run out.
      attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
      dead_workers integer NOT NULL DEFAULT 0 CHECK (dead_workers BETWEEN 0 AND attempt),
      -- Tries that ended with an error which may pass: a provider that was away, a recording that could not be fetched.
      failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
      -- Null: nobody works on it, whoever gets the message may.
      lease_owner text,
      lease_until timestamptz(3),
      cancel_requested boolean NOT NULL DEFAULT false,
      duration_seconds double precision,
      error_code text,
      created_at timestamptz(3) NOT NULL,
      finished_at timestamptz(3),
      CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
      CHECK ((finished_at IS NULL) = (status = 'running')),
      CHECK (status = 'running' OR lease_owner IS NULL)
    );
    CREATE INDEX analyses_finished ON ai.analyses (finished_at) WHERE finished_at IS NOT NULL;
  `.execute(trx),
);
