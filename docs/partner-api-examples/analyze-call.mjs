// node analyze-call.mjs call.wav
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const { BASE_URL = 'http://127.0.0.1:3000', API_KEY, API_SECRET } = process.env;

async function call(method, path, body, headers = {}) {
  const response = await fetch(`${BASE_URL}/api/partner/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      'x-api-secret': API_SECRET,
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${answer.error.code}: ${answer.error.message}`);
  return answer;
}

/** Takes the raw body of the callback: a Buffer or a string, not the parsed JSON. */
export function verifyWebhook(rawBody, signature, webhookSecret) {
  const expected = createHmac('sha256', webhookSecret).update(rawBody).digest();
  const given = Buffer.from(String(signature), 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function analyze(file) {
  const company = await call('POST', '/companies/create', {
    name: 'Test Company',
    contact_email: 'admin@testcompany.com',
  });
  const agent = await call('POST', `/companies/${company.company_id}/agents/create`, {
    name: 'John Doe',
    email: 'agent@testcompany.com',
  });
  const job = await call(
    'POST',
    '/calls/analyze',
    {
      audio_file: (await readFile(file)).toString('base64'),
      company_id: company.company_id,
      agent_id: agent.agent_id,
      call_type: 'support',
    },
    // The same key again gives the same job, so it is safe to send this twice.
    { 'x-idempotency-key': crypto.randomUUID() },
  );
  for (;;) {
    const state = await call('GET', `/jobs/${job.job_id}/status`);
    if (state.status === 'completed') return state.results;
    if (state.status !== 'queued' && state.status !== 'processing') throw new Error(state.error_message);
    await sleep(1000);
  }
}

const [file] = process.argv.slice(2);
if (file) {
  const { transcript, overall_score } = await analyze(file);
  console.log(transcript);
  console.log('score:', overall_score);
}
