import { connectBus, silentLog } from '@switchboard/bus';
import { hashKey, partnerRpcs } from '@switchboard/contracts';
import { createTestDatabase, resetNats, startService, testNatsUrl } from '@switchboard/stack/testing';
import { expect, it } from 'vitest';

const environment = {
  WEBHOOK_SECRET: 'a-webhook-secret-for-tests-of-enough-length',
  INTERNAL_TOKEN_SECRET: 'an-internal-token-secret-of-enough-length-for-tests',
  DRAIN_SECONDS: '0',
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
    const verdict = await bus.request(partnerRpcs.verifyKey, {
      key_hash: hashKey('unknown'),
      secret_hash: hashKey('unknown'),
    });
    expect(verdict).toMatchObject({ ok: false, reason: 'unknown_key' });
    const ended = service.exited;
    await service.stop();
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
