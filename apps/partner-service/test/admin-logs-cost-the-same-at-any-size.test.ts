import { partnerAdminRoutes } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listGivenUp } from '../src/domain/administration/callback-repository.ts';
import { sumKeyUsage } from '../src/domain/administration/key-usage.ts';
import { listAllCompanies } from '../src/domain/administration/list-all-companies.ts';
import { listRequests, type RequestFilter } from '../src/domain/administration/list-requests.ts';
import {
  type AttemptFilter,
  listWebhookAttempts,
} from '../src/domain/administration/list-webhook-attempts.ts';
import type { Executor } from '../src/domain/database.ts';
import { deleteOldest } from '../src/domain/housekeeping/clean-logs.ts';
import { listKeys, lockKeysByHash } from '../src/domain/keys/key-repository.ts';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';

const ROWS = 60_000;
const RARE = '/api/partner/v1/statistics';
const COMMON = '/api/partner/v1/jobs/:job_id/status';

let partner: TestPartner;
let meter: QueryMeter;
let db: Executor;
let key: MadeKey;

beforeAll(async () => {
  partner = await startTestPartner();
  key = await partner.makeKey();
  const other = await partner.makeKey({ partner: 'Other' });
  const { companyId, agentId } = await partner.makeCompany(key);
  const at = "now() - interval '1 minute' * i";
  const requests = `INSERT INTO partner.partner_api_requests
    (partner_api_key_id, endpoint, method, response_status, response_time_ms, request_id, trace_id, created_at)`;
  // One key has nearly all of the log, and of that only a few are rare: filters must not read the rest.
  await partner.rows(
    `${requests}
     SELECT CASE WHEN i % 10 = 0 THEN $2::uuid ELSE $3::uuid END,
       CASE WHEN i % 20000 = 1 THEN '${RARE}' ELSE '${COMMON}' END, 'GET',
       CASE WHEN i % 15000 = 2 THEN 500 WHEN i % 7 = 3 THEN 404 ELSE 200 END, 5, 'r', 't', ${at}
     FROM generate_series(1, $1::int) AS i`,
    [ROWS, other.keyId, key.keyId],
  );
  const job = await partner.rows<{ id: string }>(
    `INSERT INTO partner.async_jobs (partner_id, partner_api_key_id, environment, company_id, agent_id, input_data)
     VALUES ($1, $2, 'sandbox', $3, $4, '{}') RETURNING id`,
    [key.principal.partner_id, key.keyId, companyId, agentId],
  );
  await partner.rows(
    `INSERT INTO partner.webhook_logs (async_job_id, partner_api_key_id, environment, delivery_id, webhook_url,
       attempt_number, http_status, success, duration_ms, created_at)
     SELECT $2, CASE WHEN i % 10 = 0 THEN $3::uuid ELSE $4::uuid END, 'sandbox', gen_random_uuid(), 'https://x', 1,
       CASE WHEN i % 10000 = 1 THEN 500 ELSE 200 END, i % 10000 <> 1, 1, ${at}
     FROM generate_series(1, $1::int) AS i`,
    [ROWS, job[0]?.id, other.keyId, key.keyId],
  );
  await partner.rows(
    `INSERT INTO partner.companies (environment, name, contact_email, created_at)
     SELECT CASE WHEN i % 2 = 0 THEN 'sandbox' ELSE 'production' END, 'Company ' || i, 'a@b.co', ${at}
     FROM generate_series(1, $1::int / 4) AS i`,
    [ROWS],
  );
  await partner.rows(
    `INSERT INTO partner.partner_api_keys
       (partner_id, partner_name, api_key_hash, api_secret_hash, key_prefix, environment, created_at)
     SELECT p.id, p.name, partner.hash_key(i::text), partner.hash_key('s' || i), 'pk_sandbox_x', 'sandbox', ${at}
     FROM generate_series(1, 5000) AS i, partner.partners p WHERE p.name = 'Other'`,
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

const first = { limit: 50, after: null };
const middle = () => ({
  limit: 50,
  after: { createdAt: new Date(Date.now() - 20_000 * 60_000), id: key.keyId },
});
const requests = (changes: Partial<RequestFilter> = {}): RequestFilter => ({
  keyId: key.keyId,
  statusClass: null,
  endpoint: null,
  from: null,
  to: null,
  ...changes,
});
const attempts = (changes: Partial<AttemptFilter> = {}): AttemptFilter => ({
  keyId: key.keyId,
  success: null,
  jobId: null,
  ...changes,
});
const month = () => ({ from: new Date(Date.now() - 30 * 86_400_000), to: new Date() });

describe.each([
  ['the first page', () => first],
  ['a page in the middle', middle],
])('%s of', (_name, page) => {
  it.each([
    ['requests', () => listRequests(db, requests(), page())],
    ['requests that failed on our side', () => listRequests(db, requests({ statusClass: 5 }), page())],
    ['requests that were refused', () => listRequests(db, requests({ statusClass: 4 }), page())],
    ['requests of a rare endpoint', () => listRequests(db, requests({ endpoint: RARE }), page())],
    ['requests of a common endpoint', () => listRequests(db, requests({ endpoint: COMMON }), page())],
    [
      'refused requests of a rare endpoint',
      () => listRequests(db, requests({ endpoint: RARE, statusClass: 4 }), page()),
    ],
    [
      'failed requests of a common endpoint',
      () => listRequests(db, requests({ endpoint: COMMON, statusClass: 5 }), page()),
    ],
    ['requests of a month', () => listRequests(db, requests(month()), page())],
    ['attempts', () => listWebhookAttempts(db, attempts(), page())],
    ['attempts that failed', () => listWebhookAttempts(db, attempts({ success: false }), page())],
    ['callbacks that were given up', () => listGivenUp(db, key.keyId, page())],
    [
      'companies of both environments',
      () => listAllCompanies(db, { environment: null, search: null }, page()),
    ],
    [
      'keys',
      () =>
        listKeys(
          db,
          { search: null, environment: null, active: true, now: new Date() },
          { ...page(), after: null },
        ),
    ],
  ])('%s reads a page, not a table', async (_what, list) => {
    const cost = await meter.costOf(list);
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThan(300);
  });
});

it('usage reads the time that is asked for, of the one key', async () => {
  const day = { from: new Date(Date.now() - 86_400_000), to: new Date() };
  // As partner.key_usage does it, into which EXPLAIN does not look.
  const cost = await meter.costOf(() =>
    sql`SELECT count(*), avg(response_time_ms) FROM partner.partner_api_requests
      WHERE partner_api_key_id = ${key.keyId} AND created_at >= ${day.from} AND created_at < ${day.to}`.execute(
      db,
    ),
  );
  expect(cost.wholeTables).toEqual([]);
  // A day has 1,440 of them, nine in ten are this key's.
  expect(cost.rowsTouched).toBeLessThan(1_440);
  const { total_requests } = await sumKeyUsage(partner.data.db, key.keyId, day);
  expect(total_requests).toBeGreaterThan(1_000);
});

it('old rows are found without reading the younger ones', async () => {
  const before = new Date(Date.now() - 41 * 86_400_000);
  const cost = await meter.costOf(() => deleteOldest(db, 'partner_api_requests', before));
  expect(cost.wholeTables).toEqual([]);
  expect(cost.rowsTouched).toBeLessThan(5_000);
});

it('a leaked key or secret is found by an index', async () => {
  for (const kind of ['partner_key', 'partner_secret'] as const) {
    const cost = await meter.costOf(() => lockKeysByHash(db, { kind, hash: '0'.repeat(64) }, new Date()));
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThan(10);
  }
});

describe('over the API', () => {
  const read = async (path: string) => {
    const answer = await partner.admin('GET', `/partner-keys/${key.keyId}${path}`);
    expect(answer.status).toBe(200);
    return answer.body as Record<string, unknown> & {
      requests: { id: string; endpoint: string; response_status: number; created_at: string }[];
      webhooks: { id: string }[];
      next_cursor: string | null;
    };
  };

  it('the figures of usage are those of get_partner_api_usage', async () => {
    const { from, to } = month();
    const ours = await read(`/usage?from=${from.toISOString()}&to=${to.toISOString()}`);
    const [theirs] = await partner.rows<Record<string, string | null>>(
      'SELECT * FROM partner.get_partner_api_usage($1, $2, $3)',
      [key.keyId, from, to],
    );
    const asNumbers = Object.entries(theirs ?? {}).map(([name, value]) => [name, Number(value)]);
    expect(ours).toEqual({
      from: from.toISOString(),
      to: to.toISOString(),
      ...Object.fromEntries(asNumbers),
    });
    expect(ours.total_requests).toBeGreaterThan(30_000);
    const unused = await partner.makeKey({ partner: 'Unused' });
    expect((await partner.admin('GET', `/partner-keys/${unused.keyId}/usage`)).body).toMatchObject({
      total_requests: 0,
      average_response_time_ms: null,
    });
    const backwards = `/partner-keys/${key.keyId}/usage?from=2026-02-01&to=2026-01-01`;
    expect((await partner.admin('GET', backwards)).status).toBe(400);
  });

  it('pages of the request log leave out nothing and repeat nothing, in order, filtered as asked', async () => {
    const query = `/requests?endpoint=${encodeURIComponent(COMMON)}&limit=100`;
    const seen: { id: string; created_at: string }[] = [];
    let cursor = '';
    for (let page = 0; page < 5; page += 1) {
      const body = await read(`${query}${cursor}`);
      seen.push(...body.requests);
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(new Set(seen.map((one) => one.id)).size).toBe(500);
    expect(seen.map((one) => one.created_at)).toEqual(
      seen
        .map((one) => one.created_at)
        .toSorted()
        .toReversed(),
    );
    const expected = await partner.rows<{ id: string }>(
      `SELECT id FROM partner.partner_api_requests WHERE partner_api_key_id = $1 AND endpoint = $2
       ORDER BY created_at DESC, id DESC LIMIT 500`,
      [key.keyId, COMMON],
    );
    expect(seen.map((one) => one.id)).toEqual(expected.map((row) => row.id));
    const failed = await read('/requests?status=5xx');
    expect(failed.requests.map((one) => one.response_status)).toEqual([500, 500, 500, 500]);
    expect(failed.next_cursor).toBeNull();
    expect((await read(`/requests?endpoint=${RARE}&status=2xx`)).requests).toHaveLength(2);
    const [newest] = (await read('/requests?limit=1')).requests;
    expect((await read(`/requests?from=${newest?.created_at}`)).requests).toEqual([newest]);
    expect((await read(`/webhooks?success=false`)).webhooks).toHaveLength(6);
  });

  it('companies of both environments come in one order, with their agents and calls', async () => {
    const company = await partner.makeCompany(key, 'Counted');
    const body = { email: 'second@testcompany.com', name: 'Second' };
    await partner.call(key, 'POST', `/companies/${company.companyId}/agents/create`, { body });
    const list = async (query: string) => {
      const answer = await partner.admin('GET', `/partner-companies?${query}`);
      expect(answer.status).toBe(200);
      return partnerAdminRoutes.listCompanies.responses[200].schema.parse(answer.body);
    };
    const found = await list('search=counted');
    expect(found.companies).toMatchObject([
      { id: company.companyId, environment: 'sandbox', total_agents: 2, total_calls: 0 },
    ]);
    expect((await list('search=counted&environment=production')).companies).toEqual([]);
    await partner.rows('DELETE FROM partner.agents WHERE company_id = $1', [company.companyId]);
    expect((await list('search=counted')).companies).toMatchObject([{ total_agents: 0 }]);

    const one = await list('limit=100');
    const two = await list(`limit=100&cursor=${one.next_cursor}`);
    const all = [...one.companies, ...two.companies];
    expect(new Set(all.map((each) => each.id)).size).toBe(200);
    expect(new Set(all.map((each) => each.environment))).toEqual(new Set(['sandbox', 'production']));
    const times = all.map((each) => each.created_at);
    expect(times).toEqual(times.toSorted().toReversed());
  });
});
