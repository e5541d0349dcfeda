import { aiEvents, type EventContract, partnerRpcs, webhookEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';
import { makeWav } from './support/recordings.ts';

const results = aiEvents.analysisCompleted.example.results;
const WEBHOOK = 'https://partner.example.com/hook';

let partner: TestPartner;
let key: MadeKey;
let ids: { companyId: string; agentId: string };
beforeAll(async () => {
  partner = await startTestPartner({ consumers: true });
  key = await partner.makeKey();
  ids = await partner.makeCompany(key);
});
afterAll(() => partner.close());

const makeJob = async (changes: Record<string, unknown> = {}): Promise<string> => {
  const body = {
    audio_file: makeWav().toString('base64'),
    company_id: ids.companyId,
    agent_id: ids.agentId,
    call_type: 'support',
    ...changes,
  };
  const answer = await partner.call(key, 'POST', '/calls/analyze', { body });
  expect(answer.status).toBe(202);
  return String(answer.body.job_id);
};
const told: string[] = [];
const tell = async <Data extends z.ZodType>(
  event: EventContract<Data>,
  data: z.input<Data>,
  id: string = partner.data.ids.next(),
) => {
  told.push(id);
  await partner.bus.publishEvent(event, data, { source: 'ai-service', id });
};
const statusOf = async (jobId: string) => (await partner.call(key, 'GET', `/jobs/${jobId}/status`)).body;
const until = (jobId: string, matches: (job: Record<string, unknown>) => boolean, what: string) =>
  waitFor(async () => matches(await statusOf(jobId)), { what });
const emitted = (subject: string, jobId: string) =>
  partner.rows<{ data: Record<string, unknown> }>(
    'SELECT data FROM partner.outbox WHERE subject = $1 AND $2 IN (data->>$$job_id$$, data->>$$message_id$$)',
    [subject, jobId],
  );
/** Everything told so far has been handled. */
const settled = () => partner.untilHandled(told);

describe('progress', () => {
  it('only moves forward, whatever order the news comes in', async () => {
    const jobId = await makeJob();
    await tell(aiEvents.analysisProgressed, { job_id: jobId, progress: 60 });
    await until(jobId, (job) => job.progress === 60, 'progress 60');
    await tell(aiEvents.analysisStarted, { job_id: jobId, attempt: 1 });
    await tell(aiEvents.analysisProgressed, { job_id: jobId, progress: 30 });
    await settled();
    expect(await statusOf(jobId)).toMatchObject({ status: 'processing', progress: 60, completed_at: null });
  });
});

describe('a completed analysis', () => {
  it('ends the job with a call, asks for the callback in the words of the guide, and lets go of the recording', async () => {
    const jobId = await makeJob({ webhook_url: WEBHOOK, metadata: { order: 7 } });
    await tell(aiEvents.analysisCompleted, { job_id: jobId, duration_seconds: 90, results });
    await until(jobId, (job) => job.status === 'completed', 'the job to complete');
    const job = await statusOf(jobId);
    expect(job).toMatchObject({ progress: 100, call_id: expect.any(String), results });
    expect(Object.keys(Object(job.results)).slice(0, 4)).toEqual([
      'transcript',
      'segments',
      'tone_analysis',
      'content_analysis',
    ]);

    const requests = await emitted('webhooks.delivery.requested', jobId);
    expect(requests).toHaveLength(1);
    const request = webhookEvents.deliveryRequested.data.parse(requests[0]?.data);
    expect(request).toMatchObject({
      profile: 'partner',
      message_id: jobId,
      url: WEBHOOK,
      environment: 'sandbox',
      secret: { kind: 'partner', key_id: key.keyId, version: 1 },
    });
    const callback = JSON.parse(request.body);
    expect(JSON.stringify(callback)).toBe(request.body);
    expect(Object.keys(callback)).toEqual([
      'job_id',
      'job_type',
      'status',
      'timestamp',
      'call_id',
      'results',
    ]);
    expect(callback).toMatchObject({ job_id: jobId, call_id: job.call_id, status: 'completed', results });
    expect(callback.timestamp).toBe(job.completed_at);

    expect(await partner.rows('SELECT FROM partner.job_audio WHERE job_id = $1', [jobId])).toHaveLength(0);
    expect(await partner.bus.request(partnerRpcs.analysisInput, { job_id: jobId })).toEqual({ kind: 'gone' });
    expect((await emitted('partner.job.finished', jobId))[0]?.data).toMatchObject({
      status: 'completed',
      call_id: job.call_id,
    });

    const call = await partner.call(key, 'GET', `/calls/${job.call_id}`);
    expect(call.body).toMatchObject({
      id: job.call_id,
      job_id: jobId,
      call_type: 'support',
      analysis_type: 'full',
      duration_seconds: 90,
      overall_score: results.overall_score,
      metadata: { order: 7 },
      results,
    });
  });

  it('counts once, however often and in however many events it comes', async () => {
    const company = await partner.makeCompany(key, 'Counted');
    const jobId = await makeJob({
      company_id: company.companyId,
      agent_id: company.agentId,
      webhook_url: WEBHOOK,
    });
    const done = { job_id: jobId, duration_seconds: 60, results };
    const eventId = partner.data.ids.next();
    await tell(aiEvents.analysisCompleted, done, eventId);
    await tell(aiEvents.analysisCompleted, done);
    await until(jobId, (job) => job.status === 'completed', 'the job to complete');
    await tell(aiEvents.analysisFailed, {
      job_id: jobId,
      error_message: 'late',
      error_details: { code: 'LATE' },
    });
    await tell(aiEvents.analysisProgressed, { job_id: jobId, progress: 30 });
    await settled();
    expect(await statusOf(jobId)).toMatchObject({ status: 'completed', progress: 100 });
    expect(await emitted('webhooks.delivery.requested', jobId)).toHaveLength(1);
    expect(await emitted('partner.job.finished', jobId)).toHaveLength(1);
    expect(await partner.rows('SELECT FROM partner.calls WHERE job_id = $1', [jobId])).toHaveLength(1);
    const read = await partner.call(key, 'GET', `/companies/${company.companyId}`);
    expect(read.body).toMatchObject({ total_calls: 1, total_agents: 1 });
    const agents = await partner.call(key, 'GET', `/companies/${company.companyId}/agents`);
    expect(agents.body.agents).toEqual([
      expect.objectContaining({ total_calls: 1, average_score: results.overall_score }),
    ]);
  });

  it('appears in calls and statistics', async () => {
    const company = await partner.makeCompany(key, 'Figures');
    const scope = { company_id: company.companyId, agent_id: company.agentId };
    const first = await makeJob(scope);
    const second = await makeJob(scope);
    for (const job_id of [first, second]) {
      await tell(aiEvents.analysisCompleted, { job_id, duration_seconds: 90, results });
      await until(job_id, (job) => job.status === 'completed', 'the job to complete');
    }
    await makeJob(scope);
    const calls = await partner.call(key, 'GET', `/calls?company_id=${company.companyId}&limit=1`);
    const [latest] = calls.body.calls as { job_id: string }[];
    expect(latest?.job_id).toBe(second);
    const next = await partner.call(
      key,
      'GET',
      `/calls?agent_id=${company.agentId}&limit=1&cursor=${calls.body.next_cursor}`,
    );
    expect(next.body).toMatchObject({ calls: [{ job_id: first }], next_cursor: null });
    // Around now, so that a midnight in the middle of the test does not matter.
    const dayFromNow = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const tomorrow = await partner.call(key, 'GET', `/calls?from=2099-01-01&to=2099-02-01`);
    expect(tomorrow.body.calls).toEqual([]);
    expect((await partner.call(key, 'GET', `/calls?from=2026-02-01&to=2026-01-01`)).status).toBe(400);

    const statistics = await partner.call(
      key,
      'GET',
      `/statistics?company_id=${company.companyId}&from=${dayFromNow(-1)}&to=${dayFromNow(1)}&group_by=day`,
    );
    expect(statistics.body).toMatchObject({
      total_calls: 2,
      average_score: results.overall_score,
      minutes_analyzed: 3,
      jobs: { total: 3, queued: 1, processing: 0, completed: 2, failed: 0, cancelled: 0 },
    });
    const periods = statistics.body.periods as { period: string; total_calls: number }[];
    expect(periods.reduce((sum, each) => sum + each.total_calls, 0)).toBe(2);
    expect(periods[0]?.period).toMatch(/^\d{4}-\d\d-\d\d$/);
    for (const group of ['week', 'month']) {
      const grouped = await partner.call(key, 'GET', `/statistics?group_by=${group}`);
      expect(grouped.status).toBe(200);
    }
    expect((await partner.call(key, 'GET', '/statistics?from=2020-01-01&to=2026-01-01')).status).toBe(400);
    for (const endless of ['to=9999-12-31', 'from=9999-12-31', 'from=9999-12-31&to=9999-12-31']) {
      const answer = await partner.call(key, 'GET', `/statistics?${endless}`);
      expect(answer.body, endless).toMatchObject({ total_calls: 0, to: '9999-12-31T23:59:59.999Z' });
    }
    const earliest = { from: '0000-01-01T00:00:00.000Z', to: '0000-01-02T00:00:00.000Z' };
    for (const ancient of ['to=0000-01-01', 'from=0000-01-01T00:00:00%2B14:00&to=0000-01-01']) {
      const answer = await partner.call(key, 'GET', `/statistics?${ancient}`);
      expect(answer.body, ancient).toMatchObject({ total_calls: 0, ...earliest });
    }
  });
});

describe('a failed analysis', () => {
  it('says why, to whoever polls and in the callback', async () => {
    const jobId = await makeJob({ webhook_url: WEBHOOK });
    const error_details = { code: 'EMPTY_AUDIO', at_s: 0 };
    await tell(aiEvents.analysisFailed, { job_id: jobId, error_message: 'No sound', error_details });
    await until(jobId, (job) => job.status === 'failed', 'the job to fail');
    const job = await statusOf(jobId);
    expect(job).toMatchObject({ error_message: 'No sound', error_details });
    expect(job).not.toHaveProperty('results');
    const [request] = await emitted('webhooks.delivery.requested', jobId);
    const callback = JSON.parse(String(request?.data.body));
    expect(Object.keys(callback)).toEqual([
      'job_id',
      'job_type',
      'status',
      'timestamp',
      'error_message',
      'error_details',
    ]);
    expect(callback.error_details).toEqual(error_details);
  });
});

describe('cancelling', () => {
  it('stops the job, tells the worker, calls nobody back, and ignores what still comes', async () => {
    const jobId = await makeJob({ webhook_url: WEBHOOK });
    const answer = await partner.call(key, 'POST', `/jobs/${jobId}/cancel`);
    expect(answer).toMatchObject({ status: 200, body: { job_id: jobId, status: 'cancelled' } });
    expect(answer.body.completed_at).not.toBeNull();
    await tell(aiEvents.analysisCompleted, { job_id: jobId, duration_seconds: 90, results });
    await settled();
    expect(await statusOf(jobId)).toMatchObject({ status: 'cancelled' });
    expect(await emitted('partner.job.cancelled', jobId)).toHaveLength(1);
    expect(await emitted('webhooks.delivery.requested', jobId)).toHaveLength(0);
    expect((await emitted('partner.job.finished', jobId))[0]?.data).toMatchObject({ status: 'cancelled' });
    expect(await partner.bus.request(partnerRpcs.analysisInput, { job_id: jobId })).toEqual({ kind: 'gone' });
    const again = await partner.call(key, 'POST', `/jobs/${jobId}/cancel`);
    expect(again).toMatchObject({
      status: 409,
      body: { error: { code: 'JOB_ALREADY_FINISHED', details: { status: 'cancelled' } } },
    });
    const listed = await partner.call(key, 'GET', '/jobs?status=cancelled');
    expect(listed.body.jobs).toEqual([expect.objectContaining({ job_id: jobId })]);
  });

  it('works once when many try', async () => {
    const jobId = await makeJob();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => partner.call(key, 'POST', `/jobs/${jobId}/cancel`)),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409, 409, 409, 409]);
  });

  it.each(['abc', '0192f0c1-2b3c-7d4e-8f50-617283940a1b'])('says 404 for %s', async (jobId) => {
    for (const [method, path] of [
      ['GET', 'status'],
      ['POST', 'cancel'],
    ] as const) {
      const answer = await partner.call(key, method, `/jobs/${jobId}/${path}`);
      expect(answer).toMatchObject({ status: 404, body: { error: { code: 'JOB_NOT_FOUND' } } });
    }
    expect((await partner.call(key, 'GET', `/calls/${jobId}`)).body.error?.code).toBe('CALL_NOT_FOUND');
  });
});
