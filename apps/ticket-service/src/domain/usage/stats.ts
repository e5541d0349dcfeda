import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** The figures of a token at a moment; hours and days are those of UTC. */
export interface TokenStats {
  readonly total_requests: number;
  readonly requests_this_hour: number;
  readonly requests_today: number;
  readonly error_count: number;
  readonly avg_response_time_ms: number | null;
  readonly p95_response_time_ms: number | null;
}

const NONE: TokenStats = {
  total_requests: 0,
  requests_this_hour: 0,
  requests_today: 0,
  error_count: 0,
  avg_response_time_ms: null,
  p95_response_time_ms: null,
};

const round = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 10) / 10);

/** Reads a row of totals and the hours of one day per token, whatever they used. */
export const readStats = async (
  executor: Executor,
  tokenIds: readonly string[],
  at: Date,
): Promise<(tokenId: string) => TokenStats> => {
  const found = await sql<TokenStats & { token_id: string }>`
    SELECT * FROM tickets.integration_token_stats_at(${at}) WHERE token_id = ANY(${[...tokenIds]}::uuid[])
  `.execute(executor);
  const byToken = new Map(
    found.rows.map(({ token_id, ...stats }) => [
      token_id,
      {
        ...stats,
        avg_response_time_ms: round(stats.avg_response_time_ms),
        p95_response_time_ms: round(stats.p95_response_time_ms),
      },
    ]),
  );
  return (tokenId) => byToken.get(tokenId) ?? NONE;
};
