import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface TakenSequences {
  readonly first: number;
  /** False: the token is disabled, revoked or has expired. */
  readonly isTokenInForce: boolean;
}

/**
 * Takes the next sequences of tokens, so many of each, and keeps everybody else from taking more before the transaction
 * ends: what makes them gapless and in the order of commits. In one order everywhere, so that nobody waits in a circle.
 */
export const takeSequences = async (
  trx: Executor,
  counts: ReadonlyMap<string, number>,
  now: Date,
): Promise<ReadonlyMap<string, TakenSequences>> => {
  if (counts.size === 0) return new Map();
  const taken = await sql<{ token_id: string; last_sequence: number; is_in_force: boolean }>`
    WITH wanted AS (
      SELECT * FROM unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::bigint[]) AS w (token_id, count)
    )
    INSERT INTO tickets.token_feeds AS feed (token_id, last_sequence)
    SELECT token_id, count FROM wanted ORDER BY token_id
    ON CONFLICT (token_id) DO UPDATE SET last_sequence = feed.last_sequence + excluded.last_sequence
    RETURNING token_id, last_sequence, (
      SELECT t.status = 'active' AND (t.expires_at IS NULL OR t.expires_at > ${now})
      FROM tickets.integration_tokens t WHERE t.id = feed.token_id
    ) AS is_in_force
  `.execute(trx);
  return new Map(
    taken.rows.map(({ token_id, last_sequence, is_in_force }) => [
      token_id,
      { first: last_sequence - (counts.get(token_id) ?? 0) + 1, isTokenInForce: is_in_force },
    ]),
  );
};

export interface FeedRow {
  readonly id: string;
  readonly sequence: number;
  readonly ticket_id: string;
  /** As it was said then. */
  readonly data: unknown;
  readonly created_at: Date;
  readonly outside_type: string;
}

/**
 * Changes of a token after a sequence, oldest first. They are given until they have `bytesMax` together; the first one
 * always is. Whoever sees one sees all before it: each took its number after the one before was committed.
 */
export const readAfter = async (
  executor: Executor,
  tokenId: string,
  { after, limit, bytesMax }: { readonly after: number; readonly limit: number; readonly bytesMax: number },
): Promise<readonly FeedRow[]> => {
  const found = await sql<FeedRow>`
    SELECT id, sequence, ticket_id, data, created_at, outside_type
    FROM (
      SELECT c.*,
        coalesce(
          sum(octet_length(data::text)) OVER (ORDER BY sequence ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0
        ) AS bytes_before
      FROM (
        SELECT id, sequence, ticket_id, data, created_at,
          CASE type WHEN 'attached' THEN 'ticket.updated' ELSE 'ticket.' || type END AS outside_type
        FROM tickets.ticket_changes
        WHERE token_id = ${tokenId} AND sequence > ${after}::bigint
        ORDER BY sequence LIMIT ${limit}
      ) c
    ) sized
    WHERE bytes_before < ${bytesMax}
    ORDER BY sequence
  `.execute(executor);
  return found.rows;
};

/** The sequence of the last change of a token; 0: there was none. */
export const readLastSequence = async (executor: Executor, tokenId: string): Promise<number> => {
  const feed = await executor
    .selectFrom('token_feeds')
    .select('last_sequence')
    .where('token_id', '=', tokenId)
    .executeTakeFirst();
  return feed?.last_sequence ?? 0;
};
