import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface TakenSequences {
  readonly first: number;
  /** False: the token is disabled, revoked or has expired. */
  readonly isTokenInForce: boolean;
  /** What is kept for the token since. */
  readonly storedBytes: number;
}

/** What changes of a token take: so many numbers, and so many bytes of what is kept for it. */
export interface WantedSequences {
  readonly count: number;
  readonly bytes: number;
}

/**
 * Takes the next sequences of tokens, so many of each, and keeps everybody else from taking more before the transaction
 * ends: what makes them gapless and in the order of commits. In one order everywhere, so that nobody waits in a circle.
 */
export const takeSequences = async (
  trx: Executor,
  wanted: ReadonlyMap<string, WantedSequences>,
  now: Date,
): Promise<ReadonlyMap<string, TakenSequences>> => {
  if (wanted.size === 0) return new Map();
  const amounts = [...wanted.values()];
  const taken = await sql<{
    token_id: string;
    last_sequence: number;
    stored_bytes: number;
    is_in_force: boolean;
  }>`
    WITH wanted AS (
      SELECT * FROM unnest(
        ${[...wanted.keys()]}::uuid[],
        ${amounts.map(({ count }) => count)}::bigint[],
        ${amounts.map(({ bytes }) => bytes)}::bigint[]
      ) AS w (token_id, count, bytes)
    )
    INSERT INTO tickets.token_feeds AS feed (token_id, last_sequence, stored_bytes)
    SELECT token_id, count, bytes FROM wanted ORDER BY token_id
    ON CONFLICT (token_id) DO UPDATE SET last_sequence = feed.last_sequence + excluded.last_sequence,
      stored_bytes = feed.stored_bytes + excluded.stored_bytes
    RETURNING token_id, last_sequence, stored_bytes, (
      SELECT t.status = 'active' AND (t.expires_at IS NULL OR t.expires_at > ${now})
      FROM tickets.integration_tokens t WHERE t.id = feed.token_id
    ) AS is_in_force
  `.execute(trx);
  return new Map(
    taken.rows.map(({ token_id, last_sequence, stored_bytes, is_in_force }) => [
      token_id,
      {
        first: last_sequence - (wanted.get(token_id)?.count ?? 0) + 1,
        isTokenInForce: is_in_force,
        storedBytes: stored_bytes,
      },
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

/** What is kept for a token, in bytes: its tickets as they were after each change, and their files. */
export const readStoredBytes = async (executor: Executor, tokenId: string): Promise<number> => {
  const feed = await executor
    .selectFrom('token_feeds')
    .select('stored_bytes')
    .where('token_id', '=', tokenId)
    .executeTakeFirst();
  return feed?.stored_bytes ?? 0;
};
