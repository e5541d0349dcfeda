import { defineRoute } from '@switchboard/contracts';
import {
  createReadiness,
  healthRoutes,
  implement,
  watchConsumers,
  watchOutbox,
  watchPool,
} from '@switchboard/service-kit';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestServer } from './helpers.ts';

const never = () => new Promise<never>(() => {});

const withHealth = (readiness = createReadiness({ timeoutMs: 20 })) => {
  const server = createTestServer({ readiness });
  server.app.register(healthRoutes, { readiness, metrics: server.metrics });
  return { ...server, readiness, get: (url: string) => server.app.inject(url) };
};

describe('/readyz', () => {
  test('is 503 until the service has started, and from the moment it goes away', async () => {
    const { readiness, get } = withHealth();
    expect([(await get('/readyz')).statusCode, (await get('/readyz')).json().status]).toEqual([
      503,
      'starting',
    ]);
    readiness.markStarted();
    expect((await get('/readyz')).statusCode).toBe(200);
    readiness.markDraining();
    const draining = await get('/readyz');
    expect([draining.statusCode, draining.json().status]).toEqual([503, 'draining']);
    expect((await get('/livez')).statusCode).toBe(200);
  });

  test('names the dependency that does not answer, also one that hangs', async () => {
    const { readiness, get } = withHealth();
    readiness.markStarted();
    readiness.add('database', async () => 1);
    readiness.add('bus', () => false);
    readiness.add('broken', () => {
      throw new Error('no');
    });
    readiness.add('hanging', never);
    const answer = await get('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({
      status: 'unready',
      checks: { database: 'ok', bus: 'failed', broken: 'failed', hanging: 'timeout' },
    });
  });
});

/** The samples of a Prometheus text; throws on a line that is none. */
const parseMetrics = (text: string): Map<string, number> => {
  const samples = new Map<string, number>();
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const match = /^([a-z_:][\w:]*)(\{(?:[a-z_]\w*="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/i.exec(line);
    if (!match) throw new Error(`not a sample: ${line}`);
    samples.set(`${match[1]}${match[2] ?? ''}`, Number(match[3]));
  }
  return samples;
};

describe('/metrics', () => {
  const route = defineRoute({
    id: 'test.items.get',
    summary: '',
    source: 'test',
    service: 'partner-service',
    surface: 'partner',
    errors: [],
    method: 'GET',
    path: '/api/partner/v1/items/:item_id',
    credentials: [],
    params: z.object({ item_id: z.coerce.number() }),
    responses: { 200: { description: '' } },
  });

  test('count requests by pattern, method and class of status, and errors by code', async () => {
    const { app, get } = withHealth();
    implement(app, route, () => ({ status: 200 }));
    for (const item of ['1', '2', 'x']) await get(`/api/partner/v1/items/${item}`);
    await get('/api/partner/v1/nothing');
    const answer = await get('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    const samples = parseMetrics(answer.body);
    const count = (labels: string) =>
      samples.get(`http_request_duration_seconds_count{service="test",${labels}}`);
    expect(count('method="GET",route="/api/partner/v1/items/:item_id",status="2xx"')).toBe(2);
    expect(count('method="GET",route="/api/partner/v1/items/:item_id",status="4xx"')).toBe(1);
    expect(count('method="GET",route="unknown",status="4xx"')).toBe(1);
    expect(samples.get('http_errors_total{code="INVALID_PARAMETER",service="test"}')).toBe(1);
    expect(answer.body).not.toContain('/livez');
  });

  test('show pool, outbox and consumers; a reader that fails or hangs does not stop the scrape', async () => {
    const { metrics, get } = withHealth();
    watchPool(metrics, () => ({ total: 5, idle: 2, waiting: 1 }));
    watchOutbox(metrics, async () => ({ waiting: 4, oldestAgeSeconds: 12.5, failed: 0 }));
    watchConsumers(metrics, () => ({ 'ai-call-analysis': 3 }));
    metrics.gauge('broken', 'fails', () => Promise.reject(new Error('no database')));
    metrics.counterBy('callbacks_total', 'Callbacks', 'outcome')('delivered', 2);
    metrics.counter('retries_total', 'Retries')();
    metrics.histogram('analysis_seconds', 'Seconds', [1, 10])(3);
    const samples = parseMetrics((await get('/metrics')).body);
    expect(samples.get('database_pool_connections{state="used",service="test"}')).toBe(3);
    expect(samples.get('database_pool_connections{state="idle",service="test"}')).toBe(2);
    expect(samples.get('database_pool_waiting{service="test"}')).toBe(1);
    expect(samples.get('outbox_oldest_age_seconds{service="test"}')).toBe(12.5);
    expect(samples.get('consumer_lag_events{consumer="ai-call-analysis",service="test"}')).toBe(3);
    expect(samples.get('callbacks_total{outcome="delivered",service="test"}')).toBe(2);
    expect(samples.get('retries_total{service="test"}')).toBe(1);
    expect(samples.get('analysis_seconds_bucket{le="10",service="test"}')).toBe(1);
  });
});
