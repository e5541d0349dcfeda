import { createManualClock, gatewayEvents, type RequestRecord, webhookEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanLogs } from '../src/domain/housekeeping/clean-logs.ts';
import { recoverJobs } from '../src/domain/housekeeping/recover-jobs.ts';
import { advanceJob } from '../src/domain/jobs/job-repository.ts';
import { type MadeKey, startTestPartner, type TestPartner } from './support/partner.ts';
import { makeWav } from './support/recordings.ts';

const START = '2026-03-01T12:00:00.000Z';
const clock = createManualClock(START);

let partner: TestPartner;
let key: MadeKey;
let ids: { companyId: string; agentId: string };
beforeAll(async () => {
  partner = await startTestPartner({ consumers: true, clock });
  key = await partner.makeKey();
  ids = await partner.makeCompany(key);
});
afterAll(() => partner.close());

const record = (changes: Partial<RequestRecord> = {}): RequestRecord => ({
  request_id: 'req-1',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  method: 'GET',
  endpoint: '/api/partner/v1/health',
  status: 200,
  duration_ms: 4,
  error_code: null,
  credential_kind: 'partner_key',
  credential_id: key.keyId,
  ip: '203.0.113.7',
  user_agent: 'curl/8.5.0',
  idempotency_key: null,
  counted: true,
  repeated: 0,
  completed_at: START,
  ...changes,
});
const publishRequests = (requests: RequestRecord[], id = partner.data.ids.next()) =>
  partner.bus.publishEvent(
    gatewayEvents.requestCompleted,
    { requests },
    { source: 'gateway', partition: 'partner-service', id },
  );
const countRequests = async () =>
  (
    await partner.rows<{ count: number }>('SELECT count(*)::int AS count FROM partner.partner_api_requests')
  )[0]?.count;
const makeJob = async (): Promise<string> => {
  const body = {
    audio_file: makeWav().toString('base64'),
    company_id: ids.companyId,
    agent_id: ids.agentId,
    call_type: 'support',
    webhook_url: 'https://partner.example.com/hook',
  };
  return String((await partner.call(key, 'POST', '/calls/analyze', { body })).body.job_id);
};

describe('the request log', () => {
  it('keeps requests of the partner surface alone, not those of its administrators', async () => {
    const request_id = 'of-a-mixed-batch';
    const admin = { request_id, endpoint: '/api/admin/v1/partner-keys/:key_id' };
    await publishRequests([record({ ...admin, method: 'PATCH' })]);
    await publishRequests([record(admin), record({ request_id, endpoint: '/api/partner/v1' })]);
    const kept = () =>
      partner.rows('SELECT endpoint FROM partner.partner_api_requests WHERE request_id = $1', [request_id]);
    await waitFor(async () => (await kept()).length > 0, { what: 'the batch' });
    expect(await kept()).toEqual([{ endpoint: '/api/partner/v1' }]);
    await partner.rows('DELETE FROM partner.partner_api_requests WHERE request_id = $1', [request_id]);
  });

  it('keeps every request once, refused and unknown ones too, in one batch', async () => {
    const id = partner.data.ids.next();
    const batch = [
      record(),
      record({ status: 429, error_code: 'RATE_LIMIT_EXCEEDED', duration_ms: 2, idempotency_key: 'abc' }),
      record({
        status: 401,
        credential_id: null,
        credential_kind: null,
        ip: '2001:db8::1',
        user_agent: null,
      }),
      record({ status: 401, credential_id: 'not-a-uuid', ip: 'unix:', user_agent: 'x'.repeat(5_000) }),
      record({ credential_id: partner.data.ids.next() }),
    ];
    await publishRequests(batch, id);
    await waitFor(async () => (await countRequests()) === 5, { what: 'five rows' });
    const [refused] = await partner.rows(
      'SELECT * FROM partner.partner_api_requests WHERE response_status = 429',
    );
    expect(refused).toMatchObject({
      partner_api_key_id: key.keyId,
      environment: 'sandbox',
      endpoint: '/api/partner/v1/health',
      method: 'GET',
      response_time_ms: 2,
      ip_address: '203.0.113.7',
      user_agent: 'curl/8.5.0',
      idempotency_key: 'abc',
      created_at: new Date(START),
    });
    const [used] = await partner.rows<{ last_used_at: Date }>(
      'SELECT last_used_at FROM partner.partner_api_keys WHERE id = $1',
      [key.keyId],
    );
    expect(used?.last_used_at).toEqual(new Date(START));
  });
});

describe('get_partner_api_usage', () => {
  it('counts all that a row stands for, and its response time once; the log shows how many', async () => {
    const used = await partner.makeKey({ partner: 'Used up' });
    const refused = { credential_id: used.keyId, status: 429, counted: false, duration_ms: 2 };
    const { repeated: _, ...before } = record({ credential_id: used.keyId, duration_ms: 10 });
    await publishRequests([
      // Of a gateway of before, which says nothing of repeating.
      before as RequestRecord,
      record({ ...refused, repeated: 19_999 }),
    ]);
    const rows = () =>
      partner.rows(
        `SELECT response_status, repeated FROM partner.partner_api_requests
         WHERE partner_api_key_id = $1 ORDER BY response_status`,
        [used.keyId],
      );
    await waitFor(async () => (await rows()).length === 2, { what: 'two rows' });
    expect(await rows()).toEqual([
      { response_status: 200, repeated: 0 },
      { response_status: 429, repeated: 19_999 },
    ]);
    const [usage] = await partner.rows(
      "SELECT * FROM partner.get_partner_api_usage($1, timestamptz '2026-02-01', timestamptz '2026-04-01')",
      [used.keyId],
    );
    expect(usage).toMatchObject({
      total_requests: '20001',
      successful_requests: '1',
      failed_requests: '20000',
      average_response_time_ms: '6.00',
    });
    const listed = await partner.admin('GET', `/partner-keys/${used.keyId}/requests?status=4xx`);
    expect(listed.body).toMatchObject({ requests: [{ response_status: 429, repeated: 19_999 }] });
  });

  it('counts requests and jobs apart: neither multiplies the other', async () => {
    const other = await partner.makeKey({ partner: 'Counted' });
    for (let i = 0; i < 3; i += 1) {
      const body = {
        audio_file: makeWav().toString('base64'),
        company_id: ids.companyId,
        agent_id: ids.agentId,
        call_type: 'support',
      };
      await partner.call(other, 'POST', '/calls/analyze', { body });
    }
    await partner.rows(
      `INSERT INTO partner.partner_api_requests
         (partner_api_key_id, endpoint, method, response_status, response_time_ms, request_id, trace_id, created_at)
       SELECT $1, '/x', 'GET', CASE WHEN i <= 4 THEN 200 ELSE 500 END, i * 10, 'r', 't', $2
       FROM generate_series(1, 5) AS i`,
      [other.keyId, START],
    );
    const usage = await partner.rows(
      "SELECT * FROM partner.get_partner_api_usage($1, timestamptz '2026-02-01', timestamptz '2026-04-01')",
      [other.keyId],
    );
    expect(usage).toEqual([
      {
        total_requests: '5',
        successful_requests: '4',
        failed_requests: '1',
        average_response_time_ms: '30.00',
        total_jobs: '3',
        completed_jobs: '0',
        failed_jobs: '0',
        pending_jobs: '3',
      },
    ]);
    const before = await partner.rows(
      "SELECT total_requests FROM partner.get_partner_api_usage($1, timestamptz '2025-01-01', timestamptz '2026-01-01')",
      [other.keyId],
    );
    expect(before).toEqual([{ total_requests: '0' }]);
  });
});

describe('webhook logs', () => {
  it('have one row per attempt, and none for what is no job of ours', async () => {
    const jobId = await makeJob();
    const attempt = {
      ...webhookEvents.deliverySucceeded.example,
      delivery_id: partner.data.ids.next(),
      message_id: jobId,
    };
    const failed = {
      ...attempt,
      http_status: 500,
      error_message: 'HTTP 500',
      next_attempt_at: '2026-03-01T12:01:00.000Z',
    };
    const published: string[] = [];
    const source = () => {
      const id = partner.data.ids.next();
      published.push(id);
      return { source: 'webhook-dispatcher', id };
    };
    await partner.bus.publishEvent(webhookEvents.deliveryFailed, failed, source());
    await partner.bus.publishEvent(webhookEvents.deliveryFailed, failed, source());
    await partner.bus.publishEvent(
      webhookEvents.deliveryFailed,
      { ...failed, message_id: 'strange' },
      source(),
    );
    await partner.bus.publishEvent(
      webhookEvents.deliveryFailed,
      { ...failed, message_id: partner.data.ids.next() },
      source(),
    );
    await partner.bus.publishEvent(
      webhookEvents.deliveryExhausted,
      { ...attempt, attempt_number: 2, http_status: null, error_message: 'timed out after 30000 ms' },
      source(),
    );
    await partner.bus.publishEvent(
      webhookEvents.deliverySucceeded,
      { ...attempt, attempt_number: 3 },
      source(),
    );
    await partner.untilHandled(published);
    const rows = () =>
      partner.rows(
        `SELECT webhook_url, http_status, attempt_number, success, error_message, environment
         FROM partner.webhook_logs WHERE async_job_id = $1 ORDER BY attempt_number`,
        [jobId],
      );
    expect(await rows()).toEqual([
      expect.objectContaining({
        attempt_number: 1,
        http_status: 500,
        success: false,
        error_message: 'HTTP 500',
      }),
      expect.objectContaining({ attempt_number: 2, http_status: null, success: false }),
      expect.objectContaining({ attempt_number: 3, http_status: 200, success: true, environment: 'sandbox' }),
    ]);
  });
});

describe('old logs', () => {
  const fill = (count: number, at: string) =>
    partner.rows(
      `INSERT INTO partner.partner_api_requests
         (endpoint, method, response_status, response_time_ms, request_id, trace_id, created_at)
       SELECT '/old', 'GET', 200, 1, 'r', 't', $2 FROM generate_series(1, $1::int)`,
      [count, at],
    );

  it('go after their days, in batches, and younger ones stay', async () => {
    await fill(4_500, '2025-11-01T00:00:00Z');
    await fill(1, '2026-02-28T00:00:00Z');
    // The attempts of the test above are of 2024.
    expect(await cleanLogs(partner.data, 90)).toEqual({ requests: 4_500, webhookLogs: 3 });
    expect(
      await partner.rows("SELECT FROM partner.partner_api_requests WHERE endpoint = '/old'"),
    ).toHaveLength(1);
  });

  it('wait while another replica cleans', async () => {
    await fill(1, '2025-11-01T00:00:00Z');
    await partner.rows('SELECT pg_advisory_lock(7061732001)');
    expect(await cleanLogs(partner.data, 90)).toEqual({ requests: 0, webhookLogs: 0 });
    await partner.rows('SELECT pg_advisory_unlock(7061732001)');
    expect(await cleanLogs(partner.data, 90)).toEqual({ requests: 1, webhookLogs: 0 });
  });

  it('go when an operator says so', async () => {
    await fill(3, '2001-01-01T00:00:00Z');
    const cleaned = await partner.rows('SELECT * FROM partner.cleanup_partner_api_logs(9000)');
    expect(cleaned).toEqual([{ deleted_requests: '3', deleted_webhook_logs: '0' }]);
    await expect(partner.rows('SELECT partner.cleanup_partner_api_logs(-1)')).rejects.toThrow(/days/);
  });
});

describe('a job that nobody finishes', () => {
  const times = { requeueSeconds: 1_800, giveUpSeconds: 86_400 };
  const announced = async (jobId: string) =>
    (
      await partner.rows(
        "SELECT FROM partner.outbox WHERE subject = 'partner.job.queued' AND data->>'job_id' = $1",
        [jobId],
      )
    ).length;

  it('is announced again after half an hour of silence, not more often, and fails after a day', async () => {
    const jobId = await makeJob();
    clock.advance(1_700);
    await recoverJobs(partner.data, times);
    expect(await announced(jobId)).toBe(1);
    clock.advance(200);
    await recoverJobs(partner.data, times);
    await recoverJobs(partner.data, times);
    expect(await announced(jobId)).toBe(2);
    clock.advance(86_400);
    await recoverJobs(partner.data, times);
    expect(await announced(jobId)).toBe(2);
    const job = await partner.call(key, 'GET', `/jobs/${jobId}/status`);
    expect(job.body).toMatchObject({ status: 'failed', error_details: { code: 'STALLED' } });
    const callbacks = await partner.rows(
      "SELECT FROM partner.outbox WHERE subject = 'webhooks.delivery.requested' AND data->>'message_id' = $1",
      [jobId],
    );
    expect(callbacks).toHaveLength(1);
  });

  it('fails after a day also when it is tried again and again all the while', async () => {
    const jobId = await makeJob();
    for (let hours = 0; hours <= 25; hours += 1) {
      clock.advance(3_600);
      // What a worker causes that takes the job and gives it back.
      await advanceJob(partner.data.db, jobId, 10, clock.now());
      await recoverJobs(partner.data, times);
    }
    expect(await announced(jobId)).toBe(1);
    const job = await partner.call(key, 'GET', `/jobs/${jobId}/status`);
    expect(job.body).toMatchObject({ status: 'failed', error_details: { code: 'STALLED' } });
  });
});
