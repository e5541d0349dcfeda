import type { Log } from '@switchboard/bus';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { dropSilentConnections } from './drop-silent-connections.ts';
import { columnParsers } from './pg-types.ts';
import type { SchemaName, Schemas } from './schemas/index.ts';

export interface DatabaseOptions<Name extends SchemaName> {
  readonly url: string;
  /** The service's schema: unqualified names belong to it. */
  readonly schema: Name;
  readonly applicationName: string;
  readonly log: Log;
  /** Most connections of this process; default 10. */
  readonly poolMax?: number;
  /** Longest wait for a connection in milliseconds; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Longest statement in milliseconds; default 15,000. */
  readonly statementTimeoutMs?: number;
}

export interface PoolStats {
  readonly total: number;
  readonly idle: number;
  /** Requests waiting for a connection. */
  readonly waiting: number;
  readonly max: number;
}

/** A service's connections. `db` is the Kysely executor that repositories take first. */
export interface Database<Name extends SchemaName = SchemaName> {
  readonly schema: Name;
  readonly db: Kysely<Schemas[Name]>;
  poolStats(): PoolStats;
  /** Throws when Postgres does not answer: for readiness. */
  check(): Promise<void>;
  close(): Promise<void>;
}

const IDLE_IN_TRANSACTION_MS = 30_000;

/**
 * Opens the pool of a service. Does not connect yet; a Postgres that is away shows in `check` and in the queries.
 * int8 comes as number (as text beyond 2^53), timestamptz as Date, date and numeric as text, json parsed.
 */
export const createDatabase = <Name extends SchemaName>(options: DatabaseOptions<Name>): Database<Name> => {
  const { schema, log, poolMax = 10, connectTimeoutMs = 5_000, statementTimeoutMs = 15_000 } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: poolMax,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    // A connection whose server vanished without a word would otherwise hold its query for ever.
    query_timeout: statementTimeoutMs + 5_000,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    options: `-c search_path=${schema}`,
    types: columnParsers,
  });
  // An idle or a busy connection that dies raises 'error' here; without listeners that ends the process.
  pool.on('error', (error) => log.warn({ err: error }, 'An idle Postgres connection was lost'));
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'A Postgres connection was lost'));
  });
  const db = new Kysely<Schemas[Name]>({
    dialect: new PostgresDialect({ pool: dropSilentConnections(pool) }),
  });
  return {
    schema,
    db,
    poolStats: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max: poolMax,
    }),
    async check() {
      await sql`select 1`.execute(db);
    },
    async close() {
      await db.destroy();
      if (!pool.ended && !pool.ending) await pool.end();
    },
  };
};
