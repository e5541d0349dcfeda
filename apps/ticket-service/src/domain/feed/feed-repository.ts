import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/**
 * Takes the next sequences of tokens, so many of each, and keeps everybody else from taking more before the transaction
 * ends: what makes them gapless and in the order of commits. In one order everywhere, so that nobody waits in a circle.
 *
 * @returns the first of each
 */
export const takeSequences = async (
  trx: Executor,
  counts: ReadonlyMap<string, number>,
): Promise<Map<string, number>> => {
  if (counts.size === 0) return new Map();
  const taken = await sql<{ token_id: string; last_sequence: number; count: number }>`
    WITH wanted AS (
      SELECT * FROM unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::bigint[]) AS w (token_id, count)
    )
    INSERT INTO tickets.token_feeds AS feed (token_id, last_sequence)
    SELECT token_id, count FROM wanted ORDER BY token_id
    ON CONFLICT (token_id) DO UPDATE SET last_sequence = feed.last_sequence + excluded.last_sequence
    RETURNING token_id, last_sequence
  `.execute(trx);
  return new Map(
    taken.rows.map(({ token_id, last_sequence }) => [
      token_id,
      last_sequence - (counts.get(token_id) ?? 0) + 1,
    ]),
  );
};
