import { connectBus, silentLog } from '@switchboard/bus';
import { identityRpcs, sessionAnswerSchema, systemClock } from '@switchboard/contracts';
import { createInternalTokenMinter } from '@switchboard/service-kit';
import {
  createTestDatabase,
  resetNats,
  startService,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { expect, it } from 'vitest';
import { anon, TOKEN_SECRET } from './support/identity.ts';

const admin = { email: 'admin@example.com', password: 'the-Password-of-the-admin' };

it('the process makes its key and its administrator, answers on both doors, prints mails and ends in order', async () => {
  await resetNats();
  const database = await createTestDatabase();
  const service = await startService('identity-service', {
    DATABASE_URL: database.urlFor('identity'),
    NATS_URL: testNatsUrl(),
    INTERNAL_TOKEN_SECRET: TOKEN_SECRET,
    IDENTITY_ENCRYPTION_KEY: 'an-encryption-key-of-enough-length-for-tests',
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    MAIL_PRINT: 'true',
    DRAIN_SECONDS: '0',
    SHUTDOWN_SECONDS: '60',
  });
  const bus = await connectBus({ url: testNatsUrl(), name: 'process-test', log: silentLog });
  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock: systemClock });
  const post = (path: string, body: object) =>
    fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-internal-token': mint(anon, 'identity-service') },
      body: JSON.stringify(body),
    });
  const passwordHashes = async () => {
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/^password_hashes\S* (\d+)$/m.exec(metrics)?.[1]);
  };
  try {
    await service.waitReady();
    const { keys } = await waitFor(() => bus.request(identityRpcs.signingKeys, {}));
    expect(keys).toHaveLength(1);
    const hashed = await passwordHashes();
    expect(hashed).toBeGreaterThan(0);
    const signedIn = await post('/auth/v1/token?grant_type=password', admin);
    const session = sessionAnswerSchema.parse(await signedIn.json());
    expect(session).toMatchObject({ user: { app_metadata: { role: 'super_admin' } } });
    expect((await post('/auth/v1/recover', { email: admin.email })).status).toBe(200);
    await waitFor(() => service.output.includes('/auth/v1/verify?token='), { what: 'the mail in the log' });
    expect(await passwordHashes()).toBe(hashed + 1);
    for (const secret of [admin.password, session.access_token, session.refresh_token]) {
      expect(service.output).not.toContain(secret);
    }
    const ended = service.exited;
    await service.stop(60_000);
    expect(await ended).toMatchObject({ code: 0 });
  } finally {
    await bus.close();
    await service.kill();
    await database.drop();
  }
});

it('a process that is configured wrongly names every fault at once, and no secret', async () => {
  const service = await startService('identity-service', {
    IDENTITY_ENCRYPTION_KEY: 'too-short-a-key',
    AUTH_REDIRECT_URLS: 'https://*.example.com/',
  });
  expect(await service.exited).toMatchObject({ code: 78 });
  for (const name of [
    'DATABASE_URL',
    'NATS_URL',
    'INTERNAL_TOKEN_SECRET',
    'IDENTITY_ENCRYPTION_KEY',
    'AUTH_REDIRECT_URLS',
  ]) {
    expect(service.output).toContain(name);
  }
  expect(service.output).not.toContain('too-short-a-key');
});
