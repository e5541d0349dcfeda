import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, resetNats, startService, testNatsUrl } from '@switchboard/stack/testing';
import { createBrowser } from './browser.ts';

export const ADMIN = { email: 'admin@example.com', password: 'a-password-that-only-tests-know' };

/** Identity, partner, ticket service and gateway as processes, on a database of the test's own; others if they are wanted. */
export const startTestGateway = async (
  options: { readonly withWebhooks?: boolean; readonly withCalls?: boolean } = {},
) => {
  await resetNats();
  const database = await createTestDatabase();
  const shared = {
    NATS_URL: testNatsUrl(),
    INTERNAL_TOKEN_SECRET: 'an-internal-token-secret-of-enough-length-for-tests',
    WEBHOOK_SECRET: 'a-webhook-secret-for-tests-of-enough-length',
    DRAIN_SECONDS: '0',
    LOG_LEVEL: 'warn',
  };
  const identity = await startService('identity-service', {
    ...shared,
    DATABASE_URL: database.urlFor('identity'),
    IDENTITY_ENCRYPTION_KEY: 'an-identity-encryption-key-of-enough-length-for-tests',
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    MAIL_PRINT: 'true',
  });
  const partner = await startService('partner-service', {
    ...shared,
    DATABASE_URL: database.urlFor('partner'),
  });
  const tickets = await startService('ticket-service', {
    ...shared,
    DATABASE_URL: database.urlFor('tickets'),
    PUBLIC_URL: 'http://127.0.0.1',
    STORAGE_DIRECTORY: join(tmpdir(), 'switchboard-cli-files'),
  });
  const webhooks = options.withWebhooks
    ? await startService('webhook-dispatcher', {
        ...shared,
        DATABASE_URL: database.urlFor('webhooks'),
        WEBHOOK_ENCRYPTION_KEY: 'a-webhook-encryption-key-of-enough-length-for-tests',
        WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
      })
    : undefined;
  const calls = options.withCalls
    ? await startService('call-service', {
        ...shared,
        DATABASE_URL: database.urlFor('calls'),
        PUBLIC_URL: 'http://127.0.0.1:3000',
      })
    : undefined;
  const gateway = await startService('gateway', {
    ...shared,
    ANON_KEY: 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJlLW9mLWEtdGVzdC1rZXk',
    IDENTITY_SERVICE_URL: identity.url,
    PARTNER_SERVICE_URL: partner.url,
    TICKET_SERVICE_URL: tickets.url,
    ...(webhooks ? { WEBHOOK_DISPATCHER_URL: webhooks.url } : {}),
    ...(calls ? { CALL_SERVICE_URL: calls.url } : {}),
  });
  const services = [
    gateway,
    identity,
    partner,
    tickets,
    ...(webhooks ? [webhooks] : []),
    ...(calls ? [calls] : []),
  ];
  await Promise.all(services.map((service) => service.waitReady(60_000)));
  return {
    url: gateway.url,
    database,
    /** What a person does in a browser with what `login` prints. */
    async decide(printed: string, decision: 'approve' | 'deny', login = ADMIN): Promise<void> {
      const address = /^\s*(http\S+user_code=\S+)$/m.exec(printed)?.[1];
      if (!address) throw new Error(`no address in ${printed}`);
      const browser = createBrowser(gateway.url);
      const signedIn = await browser.submit(await browser.open(address), '/sign-in', { ...login });
      // The code is in the address, so it may be asked to be confirmed at once or be typed in the form already.
      const confirm = signedIn.includes('/decision"')
        ? signedIn
        : await browser.submit(signedIn, '/code', {});
      await browser.submit(confirm, '/decision', { decision });
    },
    async stop() {
      await Promise.allSettled(services.map((service) => service.stop()));
      await database.drop();
    },
  };
};
export type TestGateway = Awaited<ReturnType<typeof startTestGateway>>;
