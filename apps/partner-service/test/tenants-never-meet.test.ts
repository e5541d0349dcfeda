import { aiEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';
import { makeWav } from './support/recordings.ts';

const results = aiEvents.analysisCompleted.example.results;

let partner: TestPartner;
let owner: MadeKey;
let ids: { companyId: string; agentId: string };
let jobId: string;
let callId: string;
const strangers: Record<string, MadeKey> = {};

beforeAll(async () => {
  partner = await startTestPartner({ consumers: true });
  owner = await partner.makeKey({ partner: 'Owner' });
  ids = await partner.makeCompany(owner);
  const other = await partner.makeCompany(owner, 'Other');
  strangers['another partner'] = await partner.makeKey({ partner: 'Another' });
  strangers['the same partner in production'] = await partner.makeKey({
    partner: 'Owner',
    environment: 'production',
  });
  strangers['a key bound to another company'] = await partner.makeKey({
    partner: 'Owner',
    companyId: other.companyId,
  });
  const accepted = await partner.call(owner, 'POST', '/calls/analyze', { body: request() });
  jobId = String(accepted.body.job_id);
  await partner.bus.publishEvent(
    aiEvents.analysisCompleted,
    { job_id: jobId, duration_seconds: 60, results },
    { source: 'ai-service' },
  );
  await waitFor(
    async () => (await partner.call(owner, 'GET', `/jobs/${jobId}/status`)).body.status === 'completed',
    {
      what: 'the job to complete',
    },
  );
  callId = String((await partner.call(owner, 'GET', `/jobs/${jobId}/status`)).body.call_id);
});
afterAll(() => partner.close());

const request = () => ({
  audio_file: makeWav().toString('base64'),
  company_id: ids.companyId,
  agent_id: ids.agentId,
  call_type: 'support',
});
const keyOf = (name: string): MadeKey => {
  const key = strangers[name];
  if (!key) throw new Error(`no such key: ${name}`);
  return key;
};

describe.each(['another partner', 'the same partner in production', 'a key bound to another company'])(
  'jobs and calls are not there for %s',
  (name) => {
    it('by id', async () => {
      for (const path of [`/jobs/${jobId}/status`, `/calls/${callId}`]) {
        expect((await partner.call(keyOf(name), 'GET', path)).status).toBe(404);
      }
      const cancel = await partner.call(keyOf(name), 'POST', `/jobs/${jobId}/cancel`);
      expect(cancel).toMatchObject({ status: 404, body: { error: { code: 'JOB_NOT_FOUND' } } });
    });

    it('in lists and figures', async () => {
      const key = keyOf(name);
      expect((await partner.call(key, 'GET', '/jobs')).body.jobs).toEqual([]);
      expect((await partner.call(key, 'GET', '/jobs?status=completed')).body.jobs).toEqual([]);
      expect((await partner.call(key, 'GET', '/calls')).body.calls).toEqual([]);
      expect((await partner.call(key, 'GET', `/calls?agent_id=${ids.agentId}`)).body.calls).toEqual([]);
      expect((await partner.call(key, 'GET', '/statistics')).body).toMatchObject({
        total_calls: 0,
        jobs: { total: 0 },
      });
    });
  },
);

it('another key of the same partner and environment sees them', async () => {
  const sibling = await partner.makeKey({ partner: 'Owner' });
  expect((await partner.call(sibling, 'GET', `/jobs/${jobId}/status`)).body.status).toBe('completed');
  expect((await partner.call(sibling, 'GET', '/calls')).body.calls).toHaveLength(1);
  const bound = await partner.makeKey({ partner: 'Owner', companyId: ids.companyId });
  expect((await partner.call(bound, 'GET', '/jobs')).body.jobs).toHaveLength(1);
  expect((await partner.call(bound, 'GET', '/statistics')).body).toMatchObject({ total_calls: 1 });
});

describe('companies of the other environment', () => {
  it('are not there on any route', async () => {
    const key = keyOf('the same partner in production');
    const { companyId } = ids;
    const body = { email: 'x@b.co', name: 'X' };
    const answers = [
      await partner.call(key, 'GET', `/companies/${companyId}`),
      await partner.call(key, 'PUT', `/companies/${companyId}/questionnaire`, {
        body: { questionnaire_data: {} },
      }),
      await partner.call(key, 'POST', `/companies/${companyId}/agents/create`, { body }),
      await partner.call(key, 'GET', `/companies/${companyId}/agents`),
      await partner.call(key, 'POST', '/calls/analyze', { body: request() }),
      await partner.call(key, 'GET', `/statistics?company_id=${companyId}`),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 404, body: { error: { code: 'COMPANY_NOT_FOUND' } } });
    }
    expect((await partner.call(key, 'GET', '/companies')).body).toMatchObject({ companies: [], total: 0 });
    expect((await partner.call(key, 'GET', `/calls?company_id=${companyId}`)).body.calls).toEqual([]);
  });
});

describe('a key bound to a company', () => {
  it('lists that company alone', async () => {
    const key = keyOf('a key bound to another company');
    const list = await partner.call(key, 'GET', '/companies');
    expect(list.body).toMatchObject({
      companies: [{ name: 'Other' }],
      total: 1,
      partner_access: 'single_company',
    });
    expect((await partner.call(key, 'GET', '/companies?search=test')).body).toMatchObject({
      companies: [],
      total: 0,
    });
    expect((await partner.call(key, 'GET', '/companies?search=ot')).body).toMatchObject({ total: 1 });
  });

  it('is refused everywhere else with 403, before anything tells what exists', async () => {
    const key = keyOf('a key bound to another company');
    const nowhere = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
    const body = { email: 'x@b.co', name: 'X' };
    for (const companyId of [ids.companyId, ids.companyId.toUpperCase(), nowhere]) {
      const answers = [
        await partner.call(key, 'GET', `/companies/${companyId}`),
        await partner.call(key, 'PUT', `/companies/${companyId}/questionnaire`, {
          body: { questionnaire_data: {} },
        }),
        await partner.call(key, 'POST', `/companies/${companyId}/agents/create`, { body }),
        await partner.call(key, 'GET', `/companies/${companyId}/agents`),
        await partner.call(key, 'GET', `/calls?company_id=${companyId}`),
        await partner.call(key, 'GET', `/statistics?company_id=${companyId}`),
        await partner.call(key, 'POST', '/calls/analyze', { body: { ...request(), company_id: companyId } }),
      ];
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 403, body: { error: { code: 'COMPANY_ACCESS_DENIED' } } });
      }
    }
    const create = await partner.call(key, 'POST', '/companies/create', {
      body: { name: 'New', contact_email: 'a@b.co' },
    });
    expect(create).toMatchObject({ status: 403, body: { error: { code: 'COMPANY_ACCESS_DENIED' } } });
  });

  it('works on its own company', async () => {
    const bound = await partner.makeKey({ partner: 'Owner', companyId: ids.companyId });
    const body = { email: 'bound@b.co', name: 'Bound' };
    expect(
      (await partner.call(bound, 'POST', `/companies/${ids.companyId.toUpperCase()}/agents/create`, { body }))
        .status,
    ).toBe(201);
    expect((await partner.call(bound, 'GET', `/companies/${ids.companyId}`)).status).toBe(200);
  });
});

it('nobody is served without a token of the gateway', async () => {
  for (const token of [undefined, '', 'a.b.c']) {
    const answer = await partner.app.inject({
      method: 'GET',
      url: '/api/partner/v1/companies',
      headers: { ...(token === undefined ? {} : { 'x-internal-token': token }), 'x-principal': '{}' },
    });
    expect(answer.statusCode).toBe(401);
  }
});
