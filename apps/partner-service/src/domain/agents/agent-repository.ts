import type { Environment } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface Agent {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: 'agent' | 'manager';
  readonly createdAt: Date;
  readonly totalCalls: number;
  readonly averageScore: number | null;
}

/** False when the company has an agent of that e-mail address (however it is capitalised) already. */
export const insertAgent = async (
  executor: Executor,
  input: {
    readonly id: string;
    readonly companyId: string;
    readonly environment: Environment;
    readonly email: string;
    readonly name: string;
    readonly role: Agent['role'];
    readonly phone: string | null;
    readonly passwordHash: string;
    readonly at: Date;
  },
): Promise<boolean> => {
  const inserted = await sql`
    INSERT INTO partner.agents
      (id, company_id, environment, email, name, role, phone, password_hash, created_at, updated_at)
    VALUES (${input.id}, ${input.companyId}, ${input.environment}, ${input.email}, ${input.name}, ${input.role},
      ${input.phone}, ${input.passwordHash}, ${input.at}, ${input.at})
    ON CONFLICT (company_id, lower(email)) DO NOTHING
  `.execute(executor);
  return inserted.numAffectedRows === 1n;
};

/** Whether a company is there for this environment, and whether an agent is one of its own. */
export const findCompanyAndAgent = async (
  executor: Executor,
  wanted: { readonly companyId: string; readonly agentId: string; readonly environment: Environment },
): Promise<{ company: boolean; agent: boolean }> => {
  const found = await sql<{ agent: boolean }>`
    SELECT EXISTS (SELECT FROM partner.agents a WHERE a.id = ${wanted.agentId} AND a.company_id = c.id) AS agent
    FROM partner.companies c WHERE c.id = ${wanted.companyId} AND c.environment = ${wanted.environment}
  `.execute(executor);
  return { company: found.rows.length > 0, agent: found.rows[0]?.agent === true };
};

/** Agents of a company newest first, one more than `limit` when there are more. */
export const listAgents = async (
  executor: Executor,
  companyId: string,
  page: { readonly limit: number; readonly offset: number; readonly after: Position | null },
): Promise<readonly Agent[]> => {
  const { limit, offset, after } = page;
  const found = await sql<Agent>`
    SELECT id, email, name, role, created_at AS "createdAt", total_calls AS "totalCalls",
      round(score_total / nullif(total_calls, 0), 1)::double precision AS "averageScore"
    FROM partner.agents
    WHERE company_id = ${companyId}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${limit + 1} OFFSET ${after ? 0 : offset}
  `.execute(executor);
  return found.rows;
};

/** The people of one company: few enough to count. */
export const countAgents = async (executor: Executor, companyId: string): Promise<number> => {
  const found = await sql<{ total: number }>`
    SELECT count(*)::integer AS total FROM partner.agents WHERE company_id = ${companyId}
  `.execute(executor);
  return found.rows[0]?.total ?? 0;
};
