import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { TimeRange } from '../time-range.ts';

export interface KeyUsage {
  readonly total_requests: number;
  readonly successful_requests: number;
  readonly failed_requests: number;
  readonly average_response_time_ms: number | null;
  readonly total_jobs: number;
  readonly completed_jobs: number;
  readonly failed_jobs: number;
  readonly pending_jobs: number;
}

/** The figures of `get_partner_api_usage`: reads an index over the time that is asked for. */
export const sumKeyUsage = async (
  executor: Executor,
  keyId: string,
  { from, to }: TimeRange,
): Promise<KeyUsage> => {
  const { rows } = await sql<KeyUsage>`
    SELECT total_requests, successful_requests, failed_requests,
      average_response_time_ms::double precision AS average_response_time_ms, total_jobs, completed_jobs, failed_jobs,
      pending_jobs
    FROM partner.key_usage(${keyId}, ${from}, ${to})`.execute(executor);
  const [figures] = rows;
  if (!figures) throw new Error('partner.key_usage gave no row');
  return figures;
};
