import { webhookAdminRoutes } from '@switchboard/contracts';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const secret = 'x'.repeat(48);

test('a dispatcher that nobody configured keeps the promises of the documents', () => {
  const { webhooks } = readConfig({
    DATABASE_URL: 'postgres://localhost/switchboard',
    NATS_URL: 'nats://localhost',
    INTERNAL_TOKEN_SECRET: secret,
    WEBHOOK_SECRET: secret,
    WEBHOOK_ENCRYPTION_KEY: secret,
  });
  expect(webhooks).toMatchObject({
    partnerScheduleSeconds: [0, 60, 300],
    standardScheduleSeconds: [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000],
    timeoutSeconds: 30,
    disableAfterHours: 120,
    concurrencyPerHost: 20,
    payloadDays: 30,
    attemptDays: 90,
    allowPrivateTargets: false,
  });
});

test('an endpoint that nobody set up further has the settings of the documents', () => {
  const body = webhookAdminRoutes.createEndpoint.body.parse({
    owner: 'account:a',
    url: 'https://example.com/',
    event_types: ['*'],
  });
  expect(body).toMatchObject({
    environment: 'production',
    concurrency: 20,
    rate_per_second: null,
    schedule_seconds: null,
    headers: {},
  });
  expect(webhookAdminRoutes.rotateSecret.body.parse({})).toEqual({ overlap_seconds: 86_400 });
});
