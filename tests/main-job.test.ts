import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  besideTheMainJob,
  createPartnerClient,
  type PartnerClient,
  type PartnerCredentials,
  type Platform,
  recordingPath,
  startPlatform,
} from './support/platform.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { wordErrorRate } from './support/word-error-rate.ts';

interface KnownWords {
  readonly duration_s: number;
  readonly lines: readonly { readonly speaker: string; readonly text: string }[];
}

/** Word error rates measured with margin; `soundswallower` is what every machine has. */
const WORD_ERROR_RATE_MAX: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'support-call': { soundswallower: 0.35, pocketsphinx: 0.12 },
  'librivox-sense-and-sensibility': { soundswallower: 0.75, pocketsphinx: 0.5 },
};

let platform: Platform;
let receiver: Receiver;
let credentials: PartnerCredentials;
let client: PartnerClient;
let ids: { company_id: string; agent_id: string };

beforeAll(async () => {
  [platform, receiver] = await Promise.all([
    startPlatform({}, { without: besideTheMainJob }),
    startReceiver(),
  ]);
  credentials = await platform.createKey();
  client = createPartnerClient(platform.gatewayUrl, credentials);
  ids = await client.createCompanyWithAgent();
}, 180_000);
afterAll(async () => {
  await platform?.stop();
  await receiver?.close();
});

const readKnownWords = async (name: string): Promise<KnownWords> =>
  JSON.parse(await readFile(recordingPath(`${name}.json`), 'utf8')) as KnownWords;

const analyze = async (name: string, extra: Readonly<Record<string, string>> = {}) => {
  const audio = await readFile(recordingPath(`${name}.wav`));
  return client.post(
    '/calls/analyze',
    {
      ...ids,
      audio_file: audio.toString('base64'),
      call_type: 'support',
      webhook_url: receiver.url,
      metadata: { recording: name },
    },
    extra,
  );
};

const expectWordErrorRate = (name: string, said: string, heard: string, engine: string) => {
  const rate = wordErrorRate(said, heard);
  const bound = WORD_ERROR_RATE_MAX[name]?.[engine];
  console.info(`${name}: word error rate ${(rate * 100).toFixed(1)} % with ${engine}`);
  expect(bound, `a bound for ${engine}`).toBeDefined();
  expect(rate).toBeLessThanOrEqual(bound ?? 0);
};

test('a two-channel support call: transcript, speakers, tone, signed callback, poll, repeat, logs, one trace', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const trace = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'x-idempotency-key': 'support-call-1' };
  const accepted = await analyze('support-call', trace);
  expect(accepted.status, accepted.text).toBe(202);
  expect(accepted.headers.get('x-api-version')).toBe('v1');
  const { job_id } = JSON.parse(accepted.text) as { job_id: string };
  expect(accepted.headers.get('location')).toBe(`/api/partner/v1/jobs/${job_id}/status`);

  const repeated = await analyze('support-call', trace);
  expect(repeated.status).toBe(200);
  expect(repeated.headers.get('idempotent-replay')).toBe('true');
  expect(JSON.parse(repeated.text)).toMatchObject({ job_id });

  const job = await client.waitForJob(job_id);
  expect(job, JSON.stringify(job.error_details)).toMatchObject({ status: 'completed', progress: 100 });
  const results = job.results;
  if (!results) throw new Error('a completed job without results');

  const known = await readKnownWords('support-call');
  const engine = results.engines.transcription;
  for (const speaker of ['agent', 'customer']) {
    const said = known.lines.filter((line) => line.speaker === speaker).map((line) => line.text);
    const heard = results.segments
      .filter((segment) => segment.speaker === speaker)
      .map((segment) => segment.text);
    expect(heard.length, `segments of ${speaker}`).toBeGreaterThan(1);
    expectWordErrorRate('support-call', said.join(' '), heard.join(' '), engine?.engine ?? 'none');
  }
  expect(results.tone_analysis).toMatchObject({
    duration_s: expect.closeTo(known.duration_s, 0),
    interruptions: { count: 1 },
    engine: { kind: 'signal' },
  });
  // The two synthetic voices: a man's, and a woman's clearly above it.
  const [agent, customer] = ['agent', 'customer'].map(
    (name) => results.tone_analysis.speakers.find(({ speaker }) => speaker === name)?.pitch.median_hz ?? 0,
  );
  expect(agent).toBeGreaterThan(70);
  expect(customer).toBeGreaterThan((agent ?? 0) * 1.2);
  expect(results.content_analysis).toMatchObject({ sentiment: { segments: expect.any(Array) } });
  expect(results.overall_score).toBeGreaterThanOrEqual(0);
  expect(results.overall_score).toBeLessThanOrEqual(10);

  const callback = await receiver.waitForCallback(job_id);
  expect(callback.headers['x-partner-signature']).toBe(
    createHmac('sha256', credentials.webhookSecret).update(callback.body).digest('hex'),
  );
  expect(
    new Webhook(credentials.webhookSecret).verify(callback.body, {
      'webhook-id': String(callback.headers['webhook-id']),
      'webhook-timestamp': String(callback.headers['webhook-timestamp']),
      'webhook-signature': String(callback.headers['webhook-signature']),
    }),
  ).toMatchObject({ job_id, job_type: 'call_analysis', status: 'completed', call_id: job.call_id });
  expect(JSON.parse(callback.body).results).toEqual(results);
  expect(callback.headers['x-webhook-attempt']).toBe('1');
  expect(callback.headers.traceparent, 'one trace from the request to the callback').toContain(traceId);

  const call = await client.get(`/calls/${job.call_id}`);
  expect(JSON.parse(call.text)).toMatchObject({
    id: job.call_id,
    job_id,
    ...ids,
    results: { overall_score: results.overall_score },
  });

  const logs = await waitFor(
    async () => {
      const rows = await platform.query<{ response_status: number; idempotency_key: string }>(
        "select response_status, idempotency_key from partner_api_requests where endpoint = '/api/partner/v1/calls/analyze' order by created_at",
      );
      return rows.length >= 2 ? rows : undefined;
    },
    { what: 'the requests in partner_api_requests' },
  );
  expect(logs).toEqual([
    { response_status: 202, idempotency_key: 'support-call-1' },
    { response_status: 200, idempotency_key: 'support-call-1' },
  ]);
  const webhookLog = await waitFor(
    async () => (await platform.query('select * from webhook_logs where async_job_id = $1', [job_id]))[0],
    { what: 'the attempt in webhook_logs' },
  );
  expect(webhookLog).toMatchObject({
    http_status: 200,
    attempt_number: 1,
    success: true,
    error_message: null,
  });
  const [usage] = await platform.query(
    "select * from get_partner_api_usage($1, now() - interval '1 hour', now())",
    [credentials.keyId],
  );
  expect(usage).toMatchObject({ total_jobs: expect.anything(), completed_jobs: expect.anything() });
  expect(Number(usage?.completed_jobs)).toBe(1);
  expect(Number(usage?.failed_requests)).toBe(0);
}, 600_000);

test('a real human recording: its words are found, with one channel', async () => {
  const accepted = await analyze('librivox-sense-and-sensibility');
  expect(accepted.status, accepted.text).toBe(202);
  const { job_id } = JSON.parse(accepted.text) as { job_id: string };
  const job = await client.waitForJob(job_id);
  expect(job, JSON.stringify(job.error_details)).toMatchObject({ status: 'completed' });
  const known = await readKnownWords('librivox-sense-and-sensibility');
  const said = known.lines.map((line) => line.text).join(' ');
  const engine = job.results?.engines.transcription;
  expectWordErrorRate(
    'librivox-sense-and-sensibility',
    said,
    job.results?.transcript ?? '',
    engine?.engine ?? 'none',
  );
  expect(job.results?.tone_analysis).toMatchObject({ interruptions: null, talk_listen_ratio: null });
  await receiver.waitForCallback(job_id);
}, 600_000);

test('an empty recording ends its job failed and says so in the callback, and the next job works', async () => {
  const { makeToneWav } = await import('./support/tone-wav.ts');
  const empty = await client.post('/calls/analyze', {
    ...ids,
    audio_file: makeToneWav(0).toString('base64'),
    call_type: 'support',
    webhook_url: receiver.url,
  });
  expect(empty.status, empty.text).toBe(202);
  const { job_id } = JSON.parse(empty.text) as { job_id: string };
  const job = await client.waitForJob(job_id);
  expect(job).toMatchObject({ status: 'failed', error_details: { code: 'EMPTY_AUDIO' } });
  const callback = await receiver.waitForCallback(job_id);
  const body = JSON.parse(callback.body) as Record<string, unknown>;
  expect(body).toMatchObject({ job_id, status: 'failed', error_details: { code: 'EMPTY_AUDIO' } });
  expect(body).not.toHaveProperty('results');

  const next = await client.post('/calls/analyze', {
    ...ids,
    audio_file: makeToneWav(1).toString('base64'),
    call_type: 'support',
    analysis_type: 'tone_only',
  });
  const tone = await client.waitForJob((JSON.parse(next.text) as { job_id: string }).job_id);
  expect(tone).toMatchObject({ status: 'completed', results: { transcript: null, content_analysis: null } });
}, 600_000);
