import type { AnalysisResults, Environment } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Visibility } from '../access/company-access.ts';
import type { Executor } from '../database.ts';
import type { OpenRange } from '../time-range.ts';

export interface Call {
  readonly id: string;
  readonly jobId: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly callType: string;
  readonly analysisType: 'full' | 'tone_only';
  readonly durationSeconds: number;
  readonly overallScore: number;
  readonly metadata: Record<string, unknown> | null;
  readonly createdAt: Date;
  readonly results: AnalysisResults;
}

export interface NewCall extends Omit<Call, 'createdAt'> {
  readonly partnerId: string;
  readonly environment: Environment;
  readonly at: Date;
}

/** Keeps an analysed call, and moves the figures of its agent and company that lists show. */
export const insertCall = async (executor: Executor, call: NewCall): Promise<void> => {
  await sql`
    INSERT INTO partner.calls (id, job_id, partner_id, environment, company_id, agent_id, call_type, analysis_type,
      duration_seconds, overall_score, metadata, results, created_at)
    VALUES (${call.id}, ${call.jobId}, ${call.partnerId}, ${call.environment}, ${call.companyId}, ${call.agentId},
      ${call.callType}, ${call.analysisType}, ${call.durationSeconds}, ${call.overallScore},
      ${call.metadata && JSON.stringify(call.metadata)}, ${JSON.stringify(call.results)}, ${call.at})
  `.execute(executor);
  // Always the agent before the company, so that two calls of the same ones wait for each other and never deadlock.
  await sql`
    UPDATE partner.agents
    SET total_calls = total_calls + 1, score_total = score_total + ${call.overallScore}::numeric(3, 1)
    WHERE id = ${call.agentId}
  `.execute(executor);
  await sql`
    UPDATE partner.companies SET total_calls = total_calls + 1 WHERE id = ${call.companyId}
  `.execute(executor);
};

const CALL_COLUMNS = sql`
  id, job_id AS "jobId", company_id AS "companyId", agent_id AS "agentId", call_type AS "callType",
  analysis_type AS "analysisType", duration_seconds AS "durationSeconds",
  overall_score::double precision AS "overallScore", metadata, created_at AS "createdAt", results`;

/** The rows of a table of jobs or calls that a principal sees. */
export const visibleTo = ({ partnerId, environment, companyId }: Visibility) =>
  companyId === null
    ? sql`partner_id = ${partnerId} AND environment = ${environment}`
    : sql`company_id = ${companyId} AND partner_id = ${partnerId} AND environment = ${environment}`;

export const findCall = async (
  executor: Executor,
  visibility: Visibility,
  callId: string,
): Promise<Call | null> => {
  const found = await sql<Call>`
    SELECT ${CALL_COLUMNS} FROM partner.calls WHERE id = ${callId} AND ${visibleTo(visibility)}
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** Calls newest first, one more than `limit` when there are more. */
export const listCalls = async (
  executor: Executor,
  visibility: Visibility,
  filter: OpenRange & { readonly companyId: string | null; readonly agentId: string | null },
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly Call[]> => {
  const { companyId, agentId, from, to } = filter;
  const { after } = page;
  const found = await sql<Call>`
    SELECT ${CALL_COLUMNS}
    FROM partner.calls
    WHERE ${visibleTo({ ...visibility, companyId: visibility.companyId ?? companyId })}
      AND ${agentId ? sql`agent_id = ${agentId}` : sql`true`}
      AND ${from ? sql`created_at >= ${from}` : sql`true`}
      AND ${to ? sql`created_at < ${to}` : sql`true`}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${page.limit + 1}
  `.execute(executor);
  return found.rows;
};
