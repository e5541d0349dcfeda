import { connectBus, silentLog } from '@switchboard/bus';
import { hashKey, INTERNAL_TOKEN_HEADER, partnerRpcs, systemClock } from '@switchboard/contracts';
import { createInternalTokenMinter } from '@switchboard/service-kit';
import {
  createTestDatabase,
  resetNats,
  startService,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import pg from 'pg';
import { expect, it } from 'vitest';
import { makeWavOfBytes } from './support/recordings.ts';

const environment = {
  WEBHOOK_SECRET: 'a-webhook-secret-for-tests-of-enough-length',
  INTERNAL_TOKEN_SECRET: 'an-internal-token-secret-of-enough-length-for-tests',
  DRAIN_SECONDS: '0',
  SHUTDOWN_SECONDS: '60',
};

it('the process becomes ready, answers on both doors, and ends in order', async () => {
  await resetNats();
  const database = await createTestDatabase();
  const service = await startService('partner-service', {
    ...environment,
    DATABASE_URL: database.urlFor('partner'),
    NATS_URL: testNatsUrl(),
  });
  const bus = await connectBus({ url: testNatsUrl(), name: 'process-test', log: silentLog });
  try {
    await service.waitReady();
    const refused = await fetch(`${service.url}/api/partner/v1/health`);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('upload_bytes_taken');
    const verdict = await waitFor(() =>
      bus.request(partnerRpcs.verifyKey, {
        key_hash: hashKey('unknown'),
        secret_hash: hashKey('unknown'),
      }),
    );
    expect(verdict).toMatchObject({ ok: false, reason: 'unknown_key' });
    const ended = service.exited;
    await service.stop(60_000);
    expect(await ended).toMatchObject({ code: 0 });
  } finally {
    await bus.close();
    await service.kill();
    await database.drop();
  }
});

it('a process that is configured wrongly names every fault at once', async () => {
  const service = await startService('partner-service', { WEBHOOK_SECRET: 'short', NATS_URL: 'http://x' });
  expect(await service.exited).toMatchObject({ code: 78 });
  for (const name of ['DATABASE_URL', 'NATS_URL', 'INTERNAL_TOKEN_SECRET', 'WEBHOOK_SECRET']) {
    expect(service.output).toContain(name);
  }
  expect(service.output).not.toContain('short');
});

it('what a request sets off belongs to its trace, however long its body took', async () => {
  await resetNats();
  const database = await createTestDatabase();
  const service = await startService('partner-service', {
    ...environment,
    DATABASE_URL: database.urlFor('partner'),
    NATS_URL: testNatsUrl(),
  });
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const bus = await connectBus({ url: testNatsUrl(), name: 'process-test', log: silentLog });
  try {
    const { rows } = await owner.query("SELECT * FROM partner.generate_partner_api_key('X', 'sandbox')");
    await service.waitReady();
    const verdict = await waitFor(() =>
      bus.request(partnerRpcs.verifyKey, {
        key_hash: hashKey(rows[0].api_key),
        secret_hash: hashKey(rows[0].api_secret),
      }),
    );
    if (!verdict.ok) throw new Error(verdict.reason);
    const mint = createInternalTokenMinter({ secret: environment.INTERNAL_TOKEN_SECRET, clock: systemClock });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const post = async (path: string, body: unknown): Promise<Record<string, string>> => {
      const answer = await fetch(`${service.url}/api/partner/v1${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          traceparent: `00-${traceId}-b7ad6b7169203331-01`,
          [INTERNAL_TOKEN_HEADER]: mint(verdict.principal, 'partner-service'),
        },
        body: JSON.stringify(body),
      });
      expect(answer.ok).toBe(true);
      return answer.json() as Promise<Record<string, string>>;
    };
    const { company_id } = await post('/companies/create', { name: 'A', contact_email: 'a@b.co' });
    const { agent_id } = await post(`/companies/${company_id}/agents/create`, { email: 'a@b.co', name: 'A' });
    const audio_file = makeWavOfBytes(5_000_000).toString('base64');
    const { job_id } = await post('/calls/analyze', { audio_file, company_id, agent_id, call_type: 'x' });
    const events = await owner.query(
      "SELECT traceparent FROM partner.outbox WHERE subject = 'partner.job.queued' AND data->>'job_id' = $1",
      [job_id],
    );
    expect(events.rows[0].traceparent).toContain(traceId);
    const jobs = await owner.query('SELECT traceparent FROM partner.async_jobs WHERE id = $1', [job_id]);
    expect(jobs.rows[0].traceparent).toContain(traceId);
  } finally {
    await bus.close();
    await owner.end();
    await service.stop();
    await database.drop();
  }
});
