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
  readonly stored_bytes: number;
}

type Usage = Omit<TokenStats, 'stored_bytes'>;

const NONE: Usage = {
  total_requests: 0,
  requests_this_hour: 0,
  requests_today: 0,
  error_count: 0,
  avg_response_time_ms: null,
  p95_response_time_ms: null,
};

const round = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 10) / 10);

/** Reads two rows of totals and the hours of one day per token, whatever they used. */
export const readStats = async (
  executor: Executor,
  tokenIds: readonly string[],
  at: Date,
): Promise<(tokenId: string) => TokenStats> => {
  const ids = [...tokenIds];
  const found = await sql<Usage & { token_id: string }>`
    SELECT * FROM tickets.integration_token_stats_at(${at}) WHERE token_id = ANY(${ids}::uuid[])
  `.execute(executor);
  const stored = await executor
    .selectFrom('token_feeds')
    .select(['token_id', 'stored_bytes'])
    .where('token_id', '=', sql<string>`ANY(${ids}::uuid[])`)
    .execute();
  const usageOf = new Map(found.rows.map(({ token_id, ...usage }) => [token_id, usage]));
  const bytesOf = new Map(stored.map(({ token_id, stored_bytes }) => [token_id, stored_bytes]));
  return (tokenId) => {
    const { avg_response_time_ms, p95_response_time_ms, ...counts } = usageOf.get(tokenId) ?? NONE;
    return {
      ...counts,
      avg_response_time_ms: round(avg_response_time_ms),
      p95_response_time_ms: round(p95_response_time_ms),
      stored_bytes: bytesOf.get(tokenId) ?? 0,
    };
  };
};
