import { systemClock } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAgents } from '../src/domain/agents/agent-repository.ts';
import { listCalls } from '../src/domain/calls/call-repository.ts';
import { countJobs, sumCalls } from '../src/domain/calls/statistics.ts';
import { countCompanies, listCompanies } from '../src/domain/companies/company-repository.ts';
import type { Executor } from '../src/domain/database.ts';
import { listJobs, lockQuietJobs } from '../src/domain/jobs/job-repository.ts';
import { verifyKey } from '../src/domain/keys/verify-key.ts';
import { startTestPartner, type TestPartner } from './support/partner.ts';

const ROWS = 45_000;

let partner: TestPartner;
let meter: QueryMeter;
let db: Executor;
const big = { partnerId: '', keyId: '', companyId: '', agentId: '' };

/** The totals have a row for each environment: there is nothing to find in them by an index. */
const explain = async (work: () => Promise<unknown>) => {
  const { wholeTables, rowsTouched } = await meter.costOf(work);
  return { wholeTables: wholeTables.filter((table) => table !== 'company_totals'), rowsTouched };
};

beforeAll(async () => {
  partner = await startTestPartner();
  const key = await partner.makeKey();
  const made = await partner.makeCompany(key);
  Object.assign(big, { partnerId: key.principal.partner_id, keyId: key.keyId, ...made });
  const at = "now() - interval '1 second' * i * 60";
  await partner.rows(
    `INSERT INTO partner.companies (environment, name, industry, contact_email, created_at)
     SELECT 'sandbox', 'Company ' || md5(i::text), CASE WHEN i % 3 = 0 THEN 'retail' ELSE 'tech' END, 'a@b.co', ${at}
     FROM generate_series(1, $1::int) AS i`,
    [ROWS],
  );
  await partner.rows(
    `INSERT INTO partner.agents (company_id, environment, email, name, password_hash, created_at)
     SELECT $2, 'sandbox', i || '@b.co', 'Agent', '$argon2id$x', ${at} FROM generate_series(1, $1::int) AS i`,
    [ROWS / 10, big.companyId],
  );
  // Jobs and calls of three partners, so that a partner's own are a part of the whole.
  for (const name of ['Second', 'Third']) await partner.makeKey({ partner: name });
  await partner.rows(
    `INSERT INTO partner.async_jobs (partner_id, partner_api_key_id, environment, company_id, agent_id, input_data,
       status, error_message, error_details, completed_at, created_at, updated_at)
     SELECT k.partner_id, k.id, 'sandbox', $2, $3, '{}', s, CASE s WHEN 'failed' THEN 'x' END,
       CASE s WHEN 'failed' THEN '{"code":"X"}'::jsonb END, CASE s WHEN 'failed' THEN now() END, ${at}, ${at}
     FROM generate_series(1, $1::int) AS i
     CROSS JOIN LATERAL (SELECT CASE WHEN i % 1000 = 0 THEN 'queued' ELSE 'failed' END AS s) AS state
     JOIN (SELECT id, partner_id, row_number() OVER () - 1 AS n FROM partner.partner_api_keys) AS k ON k.n = i % 3`,
    [ROWS, big.companyId, big.agentId],
  );
  await partner.rows(
    `INSERT INTO partner.calls (job_id, partner_id, environment, company_id, agent_id, call_type, analysis_type,
       duration_seconds, overall_score, results, created_at)
     SELECT id, partner_id, environment, company_id, agent_id, 'x', 'full', 60, 5, '{}', created_at
     FROM partner.async_jobs`,
  );
  await partner.rows('VACUUM ANALYZE');
  meter = openQueryMeter({ connectionString: partner.urls.owner });
  db = new Kysely<Schemas['partner']>({
    dialect: new PostgresDialect(meter),
    log: meter.note,
  });
});
afterAll(async () => {
  await meter.close();
  await partner.close();
});

const newest = { limit: 50, offset: 0, after: null };
const middle = () => ({
  ...newest,
  after: { createdAt: new Date(Date.now() - 40_000_000), id: big.companyId },
});
const visibility = () => ({ partnerId: big.partnerId, environment: 'sandbox' as const, companyId: null });
const everything = { companyId: null, agentId: null, from: null, to: null };
const all = { environment: 'sandbox' as const, companyId: null, search: null };

describe.each([
  ['the first page', () => newest],
  ['a page in the middle', middle],
])('%s of', (_name, page) => {
  it.each([
    ['companies', () => listCompanies(db, all, page())],
    ['agents', () => listAgents(db, big.companyId, page())],
    ['jobs', () => listJobs(db, visibility(), { status: null }, page())],
    ['jobs that are queued', () => listJobs(db, visibility(), { status: 'queued' }, page())],
    [
      'jobs of a bound key',
      () => listJobs(db, { ...visibility(), companyId: big.companyId }, { status: null }, page()),
    ],
    [
      'failed jobs of a bound key',
      () => listJobs(db, { ...visibility(), companyId: big.companyId }, { status: 'failed' }, page()),
    ],
    ['calls', () => listCalls(db, visibility(), everything, page())],
    [
      'calls of a company',
      () => listCalls(db, visibility(), { ...everything, companyId: big.companyId }, page()),
    ],
    ['calls of an agent', () => listCalls(db, visibility(), { ...everything, agentId: big.agentId }, page())],
  ])('%s reads a page, not a table', async (_what, list) => {
    const cost = await explain(list);
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeGreaterThan(0);
    expect(cost.rowsTouched).toBeLessThan(300);
  });
});

it('the number of all companies is not counted', async () => {
  const cost = await explain(() => countCompanies(db, all));
  expect(cost.rowsTouched).toBeLessThan(5);
  expect(await countCompanies(db, all)).toBe(ROWS + 1);
});

it('a search for something rare looks at what matches', async () => {
  const search = { ...all, search: 'c4ca4238a0b9' };
  const cost = await explain(async () => {
    expect(await listCompanies(db, search, newest)).toHaveLength(1);
    expect(await countCompanies(db, search)).toBe(1);
  });
  expect(cost.wholeTables).toEqual([]);
  expect(cost.rowsTouched).toBeLessThan(300);
});

it('a search for something frequent, for nothing, or by one letter is bounded', async () => {
  for (const term of ['retail', 'no company has this', 'z', 'a']) {
    const search = { ...all, search: term };
    const cost = await explain(async () => {
      await listCompanies(db, search, newest);
      expect(await countCompanies(db, search)).toBeLessThanOrEqual(10_000);
    });
    expect(cost.rowsTouched).toBeLessThan(35_000);
  }
});

it('statistics read the period that is asked for', async () => {
  const range = { from: new Date(Date.now() - 86_400_000), to: new Date() };
  const cost = await explain(async () => {
    await sumCalls(db, visibility(), range);
    await countJobs(db, visibility(), range);
  });
  expect(cost.wholeTables).toEqual([]);
  // A day has 1,440 of them, a third is this partner's.
  expect(cost.rowsTouched).toBeLessThan(3_000);
});

it('a key is found by one index, and stuck jobs by theirs', async () => {
  const verify = await explain(() =>
    verifyKey(db, { key_hash: 'x', secret_hash: 'y' }, { clock: systemClock, enabled: true }),
  );
  expect(verify.rowsTouched).toBeLessThan(10);
  const quiet = await explain(() => lockQuietJobs(db, new Date(Date.now() - 3_600_000), 50));
  expect(quiet.wholeTables).toEqual([]);
  expect(quiet.rowsTouched).toBeLessThan(300);
});
