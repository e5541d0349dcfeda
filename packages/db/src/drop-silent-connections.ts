import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';

const isReadTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Query read timeout';

/** A pooled connection that is not used again once an answer did not come on it. */
const dropWhenSilent = (client: PostgresPoolClient): PostgresPoolClient => {
  let silence: unknown;

  const ask = async <Row>(
    text: string,
    parameters: readonly unknown[],
  ): Promise<PostgresQueryResult<Row>> => {
    // A rollback, for example: it would wait as long as the statement before it.
    if (silence !== undefined) throw silence;
    try {
      return await client.query<Row>(text, parameters);
    } catch (error) {
      if (isReadTimeout(error)) silence = error;
      throw error;
    }
  };

  function query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  function query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  function query<Row>(what: string | PostgresCursor<Row>, parameters: readonly unknown[] = []) {
    return typeof what === 'string' ? ask<Row>(what, parameters) : client.query<Row>(what);
  }

  return { query, release: (destroy) => client.release(destroy === true || silence !== undefined) };
};

/**
 * The pool, without connections that fell silent (a firewall forgot them, the host behind them is lost). pg gives up
 * waiting for an answer but keeps the connection, and every later query on it waits and fails as well, until the
 * operating system gives up a quarter of an hour later.
 */
export const dropSilentConnections = (pool: pg.Pool): PostgresPool => ({
  options: pool.options,
  connect: async () => dropWhenSilent(await pool.connect()),
  end: () => pool.end(),
});
