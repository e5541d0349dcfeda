import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { waitFor } from '@switchboard/stack/testing';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  besideTheMainJob,
  createPartnerClient,
  type PartnerCredentials,
  type Platform,
  startPlatform,
} from './support/platform.ts';
import { makeToneWav } from './support/tone-wav.ts';

const run = promisify(execFile);

/** The commands of the partner guide, to the letter. Only host, keys and ids are filled in before they run. */
const guide = {
  health: `curl -X GET https://yourdomain.com/api/partner/v1/health \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..."`,
  createCompany: `curl -X POST https://yourdomain.com/api/partner/v1/companies/create \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..." \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "Test Company",
    "industry": "retail",
    "contact_email": "admin@testcompany.com"
  }'`,
  listCompanies: `curl -X GET "https://yourdomain.com/api/partner/v1/companies?limit=50&offset=0" \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..."`,
  searchCompanies: `curl -X GET "https://yourdomain.com/api/partner/v1/companies?search=retail" \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..."`,
  secondPage: `curl -X GET "https://yourdomain.com/api/partner/v1/companies?limit=10&offset=10" \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..."`,
  createAgent: `curl -X POST https://yourdomain.com/api/partner/v1/companies/{company_id}/agents/create \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..." \\
  -H "Content-Type: application/json" \\
  -d '{
    "email": "agent@testcompany.com",
    "name": "John Doe",
    "role": "agent"
  }'`,
  analyze: `curl -X POST https://yourdomain.com/api/partner/v1/calls/analyze \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..." \\
  -H "Content-Type: application/json" \\
  -H "X-Idempotency-Key: unique-request-id-123" \\
  -d '{
    "audio_file": "base64_encoded_audio_or_url",
    "company_id": "company-uuid",
    "agent_id": "agent-uuid",
    "call_type": "sales_call",
    "webhook_url": "https://partner.com/webhook/callback"
  }'`,
  jobStatus: `curl -X GET https://yourdomain.com/api/partner/v1/jobs/{job_id}/status \\
  -H "Authorization: Bearer pk_sandbox_..." \\
  -H "X-API-Secret: sk_..."`,
};

/** The guide's receiver, to the letter but for its comments. `app` and `WEBHOOK_SECRET` are what it leaves open. */
const guideReceiver = `
const crypto = require('crypto');

function verifyWebhook(payload, signature, secret) {
  const expectedSignature = crypto
    .createHmac('sha256', secret)
    .update(JSON.stringify(payload))
    .digest('hex');
    
  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expectedSignature)
  );
}

app.post('/webhook/callback', (req, res) => {
  const signature = req.headers['x-partner-signature'];
  const payload = req.body;
  
  if (!verifyWebhook(payload, signature, WEBHOOK_SECRET)) {
    return res.status(401).send('Invalid signature');
  }
  
  res.status(200).send('OK');
});
`;

/** The guide's SQL, to the letter but for the key's and the job's id. */
const guideSql = {
  requests: `SELECT 
  endpoint, 
  method, 
  response_status, 
  response_time_ms,
  created_at
FROM partner_api_requests
WHERE partner_api_key_id = 'key-uuid'
ORDER BY created_at DESC
LIMIT 100;`,
  webhookLogs: `SELECT 
  webhook_url,
  http_status,
  attempt_number,
  success,
  error_message,
  created_at
FROM webhook_logs
WHERE async_job_id = 'job-uuid'
ORDER BY created_at DESC;`,
  usage: `SELECT * FROM get_partner_api_usage(
  'key-uuid',                    -- partner_api_key_id
  NOW() - INTERVAL '30 days',    -- from_date
  NOW()                          -- to_date
);`,
  cleanup: 'SELECT * FROM cleanup_partner_api_logs(90);',
};

let platform: Platform;
let credentials: PartnerCredentials;

const fillIn = (command: string, values: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    'https://yourdomain.com': platform.gatewayUrl,
    'pk_sandbox_...': credentials.key,
    'sk_...': credentials.secret,
    ...values,
  }).reduce((text, [from, to]) => text.replaceAll(from, to), command);

/** Runs a command of the guide in a shell and gives status and JSON of the answer. */
const runCurl = async (command: string, values?: Readonly<Record<string, string>>) => {
  const { stdout } = await run('sh', ['-c', `${fillIn(command, values)} -sS -w '\\n%{http_code}'`], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const cut = stdout.lastIndexOf('\n');
  return {
    status: Number(stdout.slice(cut + 1)),
    body: JSON.parse(stdout.slice(0, cut)) as Readonly<Record<string, unknown>>,
  };
};

const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);
if (!hasCurl)
  console.warn("SKIPPED: the guide's curl commands, because there is no curl on PATH. Install curl.");

beforeAll(async () => {
  platform = await startPlatform({}, { without: besideTheMainJob });
  credentials = await platform.createKey();
}, 180_000);
afterAll(() => platform?.stop());

describe.runIf(hasCurl)("the partner guide's commands", () => {
  test('from health to a finished job, in the order of the guide', async () => {
    const health = await runCurl(guide.health);
    expect(health).toMatchObject({
      status: 200,
      body: { status: 'ok', environment: 'sandbox', version: 'v1' },
    });

    const company = await runCurl(guide.createCompany);
    expect(company).toMatchObject({ status: 201, body: { status: 'created' } });
    const companyId = String(company.body.company_id);

    const list = await runCurl(guide.listCompanies);
    expect(list).toMatchObject({
      status: 200,
      body: {
        companies: [{ id: companyId, name: 'Test Company', industry: 'retail' }],
        total: 1,
        limit: 50,
        offset: 0,
        partner_access: 'all_companies',
        message: 'This API key has access to all companies',
      },
    });
    expect((await runCurl(guide.searchCompanies)).body.total).toBe(1);
    expect((await runCurl(guide.secondPage)).body).toMatchObject({ companies: [], limit: 10, offset: 10 });

    const agent = await runCurl(guide.createAgent, { '{company_id}': companyId });
    expect(agent).toMatchObject({ status: 201, body: { status: 'created' } });
    expect(String(agent.body.temporary_password).length).toBeGreaterThanOrEqual(12);

    const analyze = {
      base64_encoded_audio_or_url: makeToneWav(1).toString('base64'),
      'company-uuid': companyId,
      'agent-uuid': String(agent.body.agent_id),
    };
    const job = await runCurl(guide.analyze, analyze);
    expect(job).toMatchObject({
      status: 202,
      body: {
        status: 'queued',
        estimated_time: '2-3 minutes',
        message: 'Analysis job created successfully',
      },
    });
    const repeated = await runCurl(guide.analyze, analyze);
    expect(repeated).toMatchObject({ status: 200, body: { job_id: job.body.job_id } });

    const status = await runCurl(guide.jobStatus, { '{job_id}': String(job.body.job_id) });
    expect(status).toMatchObject({
      status: 200,
      body: { job_id: job.body.job_id, job_type: 'call_analysis' },
    });
  }, 180_000);
});

test("the guide's express receiver accepts the callback, and refuses it when a byte differs", async () => {
  const app = express();
  app.use(express.json({ limit: '5mb' }));
  new Function('require', 'app', 'WEBHOOK_SECRET', guideReceiver)(
    createRequire(import.meta.url),
    app,
    credentials.webhookSecret,
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  const url = `http://127.0.0.1:${address.port}/webhook/callback`;
  try {
    const client = createPartnerClient(platform.gatewayUrl, credentials);
    const ids = await client.createCompanyWithAgent('Receiver Company');
    const answer = await client.post('/calls/analyze', {
      ...ids,
      audio_file: makeToneWav(2).toString('base64'),
      call_type: 'sales_call',
      analysis_type: 'tone_only',
      webhook_url: url,
      metadata: { name: 'שלום', price: 12.5, empty: {} },
    });
    const { job_id } = JSON.parse(answer.text) as { job_id: string };
    await client.waitForJob(job_id);
    const [attempt] = await waitFor(
      async () => {
        const rows = await platform.query(guideSql.webhookLogs.replace('job-uuid', job_id));
        return rows.length > 0 ? rows : undefined;
      },
      { what: 'the attempt in webhook_logs', timeoutMs: 60_000 },
    );
    expect(attempt).toMatchObject({ webhook_url: url, http_status: 200, attempt_number: 1, success: true });

    const forged = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-partner-signature': 'a'.repeat(64) },
      body: '{}',
    });
    expect(forged.status).toBe(401);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}, 360_000);

test("the guide's SQL answers, found without a schema prefix", async () => {
  const client = createPartnerClient(platform.gatewayUrl, credentials);
  await client.get('/health');
  const request = await waitFor(
    async () => {
      const rows = await platform.query(guideSql.requests.replace('key-uuid', credentials.keyId));
      return rows.find((row) => row.endpoint === '/api/partner/v1/health');
    },
    { what: 'the request in partner_api_requests', timeoutMs: 45_000 },
  );
  expect(request).toMatchObject({ method: 'GET', response_status: 200 });
  const [usage] = await platform.query<{ total_requests: string | number }>(
    guideSql.usage.replace('key-uuid', credentials.keyId),
  );
  expect(Number(usage?.total_requests)).toBeGreaterThan(0);
  expect(await platform.query(guideSql.cleanup)).toEqual([
    { deleted_requests: expect.anything(), deleted_webhook_logs: expect.anything() },
  ]);
});
