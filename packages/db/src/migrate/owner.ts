import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

/** One connection as the owner of the tables, without the limits that a service's connections have. */
export const withOwner = async <T>(url: string, work: (db: Kysely<unknown>) => Promise<T>): Promise<T> => {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: 10_000,
    application_name: 'switchboard-migrate',
    // A table that is in use makes the step wait, and everybody else behind it: rather give up and say so.
    options: '-c lock_timeout=30s -c client_min_messages=warning',
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    return await work(db);
  } finally {
    await db.destroy();
    if (!pool.ended) await pool.end();
  }
};
