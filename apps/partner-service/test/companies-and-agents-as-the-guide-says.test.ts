import { hashPassword } from '@switchboard/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let partner: TestPartner;
let key: MadeKey;
beforeAll(async () => {
  partner = await startTestPartner();
  key = await partner.makeKey();
});
afterAll(() => partner.close());

const create = (body: unknown, headers: Record<string, string> = {}) =>
  partner.call(key, 'POST', '/companies/create', { body, headers });
const company = (name: string, industry?: string) =>
  create({ name, contact_email: 'a@b.co', ...(industry ? { industry } : {}) });

describe('health', () => {
  it('says who asks and that the API is up', async () => {
    const answer = await partner.call(key, 'GET', '/health');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-api-version']).toBe('v1');
    expect(answer.body).toEqual({
      status: 'ok',
      environment: 'sandbox',
      partner_name: 'CompanyX Call Center',
      timestamp: expect.stringMatching(ISO),
      version: 'v1',
    });
  });
});

describe('creating a company', () => {
  it('answers 201 with its id, and the company can be read with its questionnaire in the order it was sent', async () => {
    const made = await create({
      name: '  Test Company ',
      industry: 'retail',
      contact_email: 'admin@testcompany.com',
      questionnaire_data: { zebra: 1, a: { deep: [1, 2, 3] } },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ company_id: expect.stringMatching(UUID), status: 'created' });
    const read = await partner.call(key, 'GET', `/companies/${made.body.company_id}`);
    expect(read.body).toEqual({
      id: made.body.company_id,
      name: 'Test Company',
      industry: 'retail',
      contact_email: 'admin@testcompany.com',
      created_at: expect.stringMatching(ISO),
      questionnaire_data: { zebra: 1, a: { deep: [1, 2, 3] } },
      total_agents: 0,
      total_calls: 0,
    });
    expect(Object.keys(Object(read.body.questionnaire_data))).toEqual(['zebra', 'a']);
  });

  it('names every faulty field', async () => {
    const answer = await create({ name: '', contact_email: 'nobody', industry: 5 });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: 'INVALID_INPUT', timestamp: expect.stringMatching(ISO) });
    const fields = answer.body.error?.details.fields as { field: string }[];
    expect(fields.map((fault) => fault.field).sort()).toEqual(['contact_email', 'industry', 'name']);
  });

  it('gives the first company for a repeated idempotency key, and refuses another body under it', async () => {
    const body = { name: 'Once', contact_email: 'a@b.co' };
    const headers = { 'x-idempotency-key': 'company-1' };
    const first = await create(body, headers);
    const again = await create({ contact_email: 'a@b.co', name: 'Once' }, { 'idempotency-key': 'company-1' });
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(first.headers['idempotent-replay']).toBeUndefined();
    expect(again.headers['idempotent-replay']).toBe('true');
    const other = await create({ ...body, name: 'Twice' }, headers);
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'DUPLICATE_REQUEST' } } });
  });

  it('takes a questionnaire that replaces the old one', async () => {
    const made = await company('With questions');
    const path = `/companies/${made.body.company_id}/questionnaire`;
    for (const questionnaire_data of [{ a: 1 }, { b: 2 }]) {
      const put = await partner.call(key, 'PUT', path, { body: { questionnaire_data } });
      expect(put).toMatchObject({ status: 200, body: { success: true, message: expect.any(String) } });
    }
    const read = await partner.call(key, 'GET', `/companies/${made.body.company_id}`);
    expect(read.body.questionnaire_data).toEqual({ b: 2 });
    expect((await partner.call(key, 'PUT', path, { body: {} })).status).toBe(400);
  });
});

describe('listing companies', () => {
  let list: TestPartner;
  let listKey: MadeKey;
  beforeAll(async () => {
    list = partner;
    listKey = await partner.makeKey({ partner: 'Lister', environment: 'production' });
    for (let i = 1; i <= 7; i += 1) {
      await list.call(listKey, 'POST', '/companies/create', {
        body: { name: `Shop ${i}`, contact_email: 'a@b.co', industry: i % 2 ? 'Retail' : '100% wool_x' },
      });
    }
  });
  const get = (query: string) => list.call(listKey, 'GET', `/companies${query}`);
  const names = (answer: { body: Record<string, unknown> }) =>
    (answer.body.companies as { name: string }[]).map((each) => each.name);

  it('is newest first, with the words of the guide', async () => {
    const answer = await get('');
    expect(names(answer)).toEqual(['Shop 7', 'Shop 6', 'Shop 5', 'Shop 4', 'Shop 3', 'Shop 2', 'Shop 1']);
    expect(answer.body).toMatchObject({
      total: 7,
      limit: 50,
      offset: 0,
      next_cursor: null,
      partner_access: 'all_companies',
      message: 'This API key has access to all companies',
    });
  });

  it('pages by offset, and by cursor without skipping or repeating', async () => {
    expect(names(await get('?limit=2&offset=2'))).toEqual(['Shop 5', 'Shop 4']);
    const seen: string[] = [];
    let query = '?limit=3';
    for (let pages = 0; pages < 5; pages += 1) {
      const answer = await get(query);
      seen.push(...names(answer));
      expect(answer.body.total).toBe(7);
      if (answer.body.next_cursor === null) break;
      query = `?limit=3&cursor=${answer.body.next_cursor}`;
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
  });

  it('finds in name or industry whatever the case, and takes % and _ as they are', async () => {
    expect(names(await get('?search=rETAil'))).toEqual(['Shop 7', 'Shop 5', 'Shop 3', 'Shop 1']);
    expect((await get('?search=rETAil')).body.total).toBe(4);
    expect(names(await get('?search=shop%204'))).toEqual(['Shop 4']);
    expect(names(await get('?search=%25%20wo'))).toHaveLength(3);
    expect(names(await get('?search=l_x'))).toHaveLength(3);
    expect(names(await get('?search=S_op'))).toEqual([]);
    expect(names(await get('?search=%25'))).toHaveLength(3);
    expect(names(await get('?search=%5C'))).toEqual([]);
    expect(names(await get('?search='))).toHaveLength(7);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1.5',
    'limit=',
    'limit=1e1',
    'limit=0x10',
    'limit=%2010',
    'limit=1&limit=2',
    'offset=-1',
    'offset=',
    'cursor=abc',
    'cursor=%00',
    'search=%00',
  ])('refuses ?%s', async (query) => {
    const answer = await get(`?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: 'INVALID_PARAMETER' });
  });
});

describe('agents', () => {
  let companyId: string;
  beforeAll(async () => {
    companyId = String((await company('Agents Ltd')).body.company_id);
  });
  const createAgent = (body: unknown, headers: Record<string, string> = {}) =>
    partner.call(key, 'POST', `/companies/${companyId}/agents/create`, { body, headers });

  it('are created with a temporary password that is stored hashed and must be changed', async () => {
    const answer = await createAgent({ email: 'one@b.co', name: 'One', phone: '+49 30 1234' });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ agent_id: expect.stringMatching(UUID), status: 'created' });
    const password = String(answer.body.temporary_password);
    expect(password).toMatch(/^[\w-]{16}$/);
    const [row] = await partner.rows<{ password_hash: string; must_change_password: boolean; role: string }>(
      'SELECT password_hash, must_change_password, role FROM partner.agents WHERE id = $1',
      [answer.body.agent_id],
    );
    expect(row).toMatchObject({ must_change_password: true, role: 'agent' });
    const salt = Buffer.from(String(row?.password_hash.split('$')[4]), 'base64');
    expect(row?.password_hash).toBe(await hashPassword(password, salt));
    expect(JSON.stringify(await partner.rows('SELECT body FROM partner.idempotency_records'))).not.toContain(
      password,
    );
  });

  it('give the same password to the repeat of a request, and another to another agent', async () => {
    const headers = { 'x-idempotency-key': 'agent-1' };
    const body = { email: 'two@b.co', name: 'Two', role: 'manager' };
    const first = await createAgent(body, headers);
    const again = await createAgent(body, headers);
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replay']).toBe('true');
    const other = await createAgent({ ...body, email: 'three@b.co' });
    expect(other.body.temporary_password).not.toBe(first.body.temporary_password);
  });

  it('have one e-mail address each, however it is written', async () => {
    await createAgent({ email: 'same@b.co', name: 'Same' });
    const answer = await createAgent({ email: 'SAME@b.co', name: 'Same' });
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'DUPLICATE_REQUEST' } } });
    const elsewhere = String((await company('Elsewhere')).body.company_id);
    const there = await partner.call(key, 'POST', `/companies/${elsewhere}/agents/create`, {
      body: { email: 'same@b.co', name: 'Same' },
    });
    expect(there.status).toBe(201);
  });

  it('are listed newest first with their figures', async () => {
    const answer = await partner.call(key, 'GET', `/companies/${companyId}/agents?limit=1`);
    expect(answer.body).toMatchObject({ total: 4 });
    expect(answer.body.agents).toEqual([
      expect.objectContaining({ email: 'same@b.co', role: 'agent', total_calls: 0, average_score: null }),
    ]);
    const next = await partner.call(
      key,
      'GET',
      `/companies/${companyId}/agents?limit=1&cursor=${answer.body.next_cursor}`,
    );
    expect(next.body.agents).toEqual([expect.objectContaining({ email: 'three@b.co' })]);
  });

  it('need a company that is there, and fields that make sense', async () => {
    const nowhere = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
    const body = { email: 'a@b.co', name: 'A' };
    const missing = await partner.call(key, 'POST', `/companies/${nowhere}/agents/create`, { body });
    expect(missing).toMatchObject({ status: 404, body: { error: { code: 'COMPANY_NOT_FOUND' } } });
    const malformed = await partner.call(key, 'POST', '/companies/abc/agents/create', { body });
    expect(malformed).toMatchObject({ status: 400, body: { error: { code: 'INVALID_PARAMETER' } } });
    const role = await createAgent({ ...body, role: 'boss' });
    expect(role).toMatchObject({ status: 400, body: { error: { code: 'INVALID_INPUT' } } });
    const unsaid = await createAgent({ email: 'unsaid@b.co', name: 'A', role: null, phone: null });
    expect(unsaid.status, 'null is as good as left out').toBe(201);
    expect((await partner.call(key, 'GET', `/companies/${nowhere}`)).status).toBe(404);
    expect((await partner.call(key, 'GET', `/companies/${nowhere}/agents`)).status).toBe(404);
  });
});
