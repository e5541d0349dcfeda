import type { Environment } from '@switchboard/contracts';
import { patternOf } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface Company {
  readonly id: string;
  readonly environment: Environment;
  readonly name: string;
  readonly industry: string | null;
  readonly contactEmail: string;
  readonly totalAgents: number;
  readonly totalCalls: number;
  readonly createdAt: Date;
}

export interface CompanyDetails extends Company {
  readonly questionnaire: Record<string, unknown> | null;
}

export const insertCompany = async (
  executor: Executor,
  input: {
    readonly id: string;
    readonly environment: Environment;
    readonly name: string;
    readonly contactEmail: string;
    readonly industry: string | null;
    readonly questionnaire: Record<string, unknown> | null;
    readonly at: Date;
  },
): Promise<void> => {
  await sql`
    INSERT INTO partner.companies (id, environment, name, industry, contact_email, created_at, updated_at)
    VALUES (${input.id}, ${input.environment}, ${input.name}, ${input.industry}, ${input.contactEmail}, ${input.at}, ${input.at})
  `.execute(executor);
  if (input.questionnaire) {
    await putQuestionnaire(executor, { ...input, companyId: input.id, questionnaire: input.questionnaire });
  }
};

export const putQuestionnaire = async (
  executor: Executor,
  input: {
    readonly companyId: string;
    readonly environment: Environment;
    readonly questionnaire: Record<string, unknown>;
    readonly at: Date;
  },
): Promise<void> => {
  await sql`
    INSERT INTO partner.company_questionnaires (company_id, environment, questionnaire_data, updated_at)
    VALUES (${input.companyId}, ${input.environment}, ${JSON.stringify(input.questionnaire)}, ${input.at})
    ON CONFLICT (company_id)
      DO UPDATE SET questionnaire_data = excluded.questionnaire_data, updated_at = excluded.updated_at
  `.execute(executor);
};

/** Whether a company is there for this environment. */
export const companyExists = async (
  executor: Executor,
  company: { readonly id: string; readonly environment: Environment },
): Promise<boolean> => {
  const found = await sql`
    SELECT FROM partner.companies WHERE id = ${company.id} AND environment = ${company.environment}
  `.execute(executor);
  return found.rows.length > 0;
};

const COLUMNS = sql`
  c.id, c.environment, c.name, c.industry, c.contact_email AS "contactEmail", c.total_agents AS "totalAgents",
  c.total_calls AS "totalCalls", c.created_at AS "createdAt"`;

export const findCompany = async (
  executor: Executor,
  company: { readonly id: string; readonly environment: Environment },
): Promise<CompanyDetails | null> => {
  const found = await sql<CompanyDetails>`
    SELECT ${COLUMNS}, q.questionnaire_data AS questionnaire
    FROM partner.companies c LEFT JOIN partner.company_questionnaires q ON q.company_id = c.id
    WHERE c.id = ${company.id} AND c.environment = ${company.environment}
  `.execute(executor);
  return found.rows[0] ?? null;
};

export interface CompanyFilter {
  readonly environment: Environment;
  /** Of a bound key: the one company it reaches. */
  readonly companyId: string | null;
  readonly search: string | null;
}

/**
 * Searches look at no more than this many companies where no index can help: terms under three characters (pg_trgm
 * knows triples). It is also where the total of a search stops counting.
 */
export const SEARCH_COMPANIES_MAX = 10_000;
const TRIGRAM_CHARACTERS = 3;

/** The rows a list is made from, before order and paging. */
const candidatesOf = ({ environment, companyId, search }: CompanyFilter) => {
  const matches =
    search === null
      ? sql`true`
      : sql`(name ILIKE ${patternOf(search)} OR industry ILIKE ${patternOf(search)})`;
  if (companyId !== null) {
    return sql`SELECT * FROM partner.companies WHERE id = ${companyId} AND environment = ${environment} AND ${matches}`;
  }
  if (search !== null && [...search].length < TRIGRAM_CHARACTERS) {
    return sql`
      SELECT * FROM (
        SELECT * FROM partner.companies WHERE environment = ${environment}
        ORDER BY created_at DESC, id DESC LIMIT ${SEARCH_COMPANIES_MAX}
      ) AS newest WHERE ${matches}`;
  }
  return sql`SELECT * FROM partner.companies WHERE environment = ${environment} AND ${matches}`;
};

/** Companies newest first, one more than `limit` when there are more. */
export const listCompanies = async (
  executor: Executor,
  filter: CompanyFilter,
  page: { readonly limit: number; readonly offset: number; readonly after: Position | null },
): Promise<readonly Company[]> => {
  const { limit, offset, after } = page;
  const found = await sql<Company>`
    SELECT ${COLUMNS}
    FROM (${candidatesOf(filter)}) AS c
    WHERE ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${limit + 1} OFFSET ${after ? 0 : offset}
  `.execute(executor);
  return found.rows;
};

/**
 * How many companies a list has. Without a search from a kept figure, whatever the table's size; with one counted, up
 * to SEARCH_COMPANIES_MAX.
 */
export const countCompanies = async (executor: Executor, filter: CompanyFilter): Promise<number> => {
  const counted =
    filter.companyId === null && filter.search === null
      ? sql<{ total: number }>`
          SELECT total::integer AS total FROM partner.company_totals WHERE environment = ${filter.environment}`
      : sql<{ total: number }>`
          SELECT count(*)::integer AS total
          FROM (SELECT FROM (${candidatesOf(filter)}) AS candidates LIMIT ${SEARCH_COMPANIES_MAX}) AS counted`;
  return (await counted.execute(executor)).rows[0]?.total ?? 0;
};
