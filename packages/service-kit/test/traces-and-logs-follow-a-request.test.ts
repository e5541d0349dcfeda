import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineRoute, partnerRoutes, type TraceContext } from '@switchboard/contracts';
import {
  createIdTracing,
  createTraceHooks,
  currentTrace,
  implement,
  wantsExport,
} from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { killFixtures, startFixture } from './fixtures/start.ts';
import { createReadableLog, createTestServer, principal } from './helpers.ts';

afterEach(killFixtures);

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const route = defineRoute({
  id: 'test.logging.post',
  summary: '',
  source: 'test',
  service: 'partner-service',
  surface: 'partner',
  errors: [],
  method: 'POST',
  path: '/api/partner/v1/logging',
  credentials: ['partner_key'],
  responses: { 204: { description: '' } },
});

describe('a request', () => {
  test('every line written on its behalf has request id, trace id and principal id', async () => {
    const { app, log, lines, token } = createTestServer();
    const seen: (TraceContext | undefined)[] = [];
    implement(app, route, async ({ trace }) => {
      await new Promise((resolve) => setImmediate(resolve));
      log.info('deep inside');
      seen.push(trace, currentTrace());
      return { status: 204 };
    });
    await app.inject({
      method: 'POST',
      url: route.path,
      headers: { 'x-internal-token': token(), 'x-request-id': 'req-1', traceparent },
      payload: { large: 'x'.repeat(100_000) },
    });
    const ids = { requestId: 'req-1', traceId: TRACE_ID, principalId: principal.key_id };
    expect(lines.find(({ msg }) => msg === 'deep inside')).toMatchObject(ids);
    expect(lines.find(({ msg }) => msg === 'request')).toMatchObject({
      ...ids,
      method: 'POST',
      route: route.path,
      status: 204,
      latencyMs: expect.any(Number),
    });
    expect(seen[0]?.traceId).toBe(TRACE_ID);
    expect(seen[0]?.spanId).not.toBe('b7ad6b7169203331');
    expect(seen[1]).toEqual(seen[0]);
  });

  test('an error of ours has them too', async () => {
    const { app, lines, token } = createTestServer();
    implement(app, route, () => {
      throw new Error('broken');
    });
    await app.inject({
      method: 'POST',
      url: route.path,
      headers: { 'x-internal-token': token(), traceparent },
    });
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({
      traceId: TRACE_ID,
      err: { message: 'broken' },
    });
  });

  test.each(['', 'rubbish', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `${traceparent}, ${traceparent}`])(
    'a traceparent that is not one (%j) begins a new trace',
    async (value) => {
      const { app, lines, token } = createTestServer();
      implement(app, route, () => ({ status: 204 }));
      await app.inject({
        method: 'POST',
        url: route.path,
        headers: { 'x-internal-token': token(), traceparent: value },
      });
      const { traceId } = lines.find(({ msg }) => msg === 'request') ?? {};
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(traceId).not.toBe(TRACE_ID);
    },
  );

  test('two at the same time do not mix', async () => {
    const { app, log, lines, token } = createTestServer();
    let meet = () => {};
    const both = new Promise<void>((resolve) => {
      meet = resolve;
    });
    let count = 0;
    implement(app, route, async ({ requestId }) => {
      count += 1;
      if (count === 2) meet();
      await both;
      log.info({ mine: requestId }, 'met');
      return { status: 204 };
    });
    const send = (id: string) =>
      app.inject({
        method: 'POST',
        url: route.path,
        headers: { 'x-internal-token': token(), 'x-request-id': id },
      });
    await Promise.all([send('a'), send('b')]);
    const met = lines.filter(({ msg }) => msg === 'met');
    expect(met).toHaveLength(2);
    for (const line of met) expect(line.requestId).toBe(line.mine);
  });
});

test('an event that came with a trace is handled inside it; one without begins its own', async () => {
  const hooks = createTraceHooks(createIdTracing());
  const inside = await hooks.run(traceparent, 'partner.job.queued', async () => hooks.current());
  expect(inside).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
  expect(inside).not.toBe(traceparent);
  expect(await hooks.run(undefined, 'x', async () => hooks.current())).toMatch(/^00-[0-9a-f]{32}-/);
  expect(hooks.current()).toBeUndefined();
});

test('a body that is no JSON reaches no log line, not even the first words of it', async () => {
  const { app, lines, token } = createTestServer();
  implement(app, partnerRoutes.createCompany, () => {
    throw new Error('never reached');
  });
  const answer = await app.inject({
    method: 'POST',
    url: partnerRoutes.createCompany.path,
    headers: { 'x-internal-token': token(), 'content-type': 'application/json' },
    payload: 'hunter2 is my secret',
  });
  expect(answer.statusCode).toBe(400);
  expect(lines.length).toBeGreaterThan(0);
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('secrets do not reach a log line, wherever they hide', () => {
  const { log, lines } = createReadableLog();
  const secret = 'sk_hunter2';
  const headers = {
    authorization: secret,
    'x-api-secret': secret,
    cookie: secret,
    'x-internal-token': secret,
    accept: '*/*',
  };
  log.info(
    { headers, req: { headers }, body: { password: secret, api_secret: secret }, token: secret },
    'request',
  );
  expect(JSON.stringify(lines)).not.toContain(secret);
  expect(JSON.stringify(lines)).toContain('*/*');
});

describe('OpenTelemetry', () => {
  interface SpanRecord {
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId?: string;
    readonly name: string;
    readonly kind: number;
  }

  const startCollector = async () => {
    const spans: SpanRecord[] = [];
    const resources: string[] = [];
    const server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      if (request.url === '/v1/traces') {
        for (const resource of JSON.parse(text).resourceSpans) {
          resources.push(JSON.stringify(resource.resource));
          for (const scope of resource.scopeSpans) spans.push(...scope.spans);
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { spans, resources, server, url: `http://127.0.0.1:${port}` };
  };

  test('spans of a request arrive at the collector with the ids that travelled', async () => {
    const { spans, resources, server, url: endpoint } = await startCollector();
    const { url, child, exited, lines } = await startFixture({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_SERVICE_NAME: 'named-by-operator',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_EXPORTER_OTLP_TIMEOUT: '30000',
    });
    await fetch(`${url}/livez`);
    const answer = await fetch(`${url}/api/partner/v1/trace`, { headers: { traceparent } });
    const { outgoing, consumed } = (await answer.json()) as { outgoing: string; consumed: string };
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    server.close();
    const named = (name: string) => spans.find((span) => span.name === name);
    const ours = named('GET /api/partner/v1/trace');
    expect(ours).toMatchObject({ traceId: TRACE_ID, parentSpanId: 'b7ad6b7169203331', kind: 2 });
    expect(named('ask somebody')).toMatchObject({ traceId: TRACE_ID, parentSpanId: ours?.spanId, kind: 3 });
    expect(named('fixture.consumed')).toMatchObject({
      traceId: TRACE_ID,
      parentSpanId: ours?.spanId,
      kind: 5,
    });
    expect(outgoing).toBe(`00-${TRACE_ID}-${named('ask somebody')?.spanId}-01`);
    expect(consumed).toBe(`00-${TRACE_ID}-${named('fixture.consumed')?.spanId}-01`);
    expect(lines().find(({ msg }) => msg === 'inside the consumer')).toMatchObject({ traceId: TRACE_ID });
    expect(resources[0]).toContain('named-by-operator');
    expect(named('GET /livez'), 'probes would bury what is looked for').toBeUndefined();
  });

  test('a sampler that says no exports nothing, and ids travel all the same', async () => {
    const { spans, server, url: endpoint } = await startCollector();
    const { url, child, exited } = await startFixture({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_TRACES_SAMPLER: 'always_off',
    });
    const answer = await fetch(`${url}/api/partner/v1/trace`, { headers: { traceparent } });
    const { outgoing } = (await answer.json()) as { outgoing: string };
    child.kill('SIGTERM');
    await exited;
    server.close();
    expect(outgoing).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    expect(spans).toEqual([]);
  });

  test('is off unless the standard variables ask for it', async () => {
    const off = {
      disabled: false,
      otlpEndpoint: undefined,
      otlpTracesEndpoint: undefined,
      tracesExporter: undefined,
      serviceName: undefined,
    };
    expect(wantsExport(off)).toBe(false);
    expect(wantsExport({ ...off, otlpEndpoint: 'http://x' })).toBe(true);
    expect(wantsExport({ ...off, otlpEndpoint: 'http://x', disabled: true })).toBe(false);
    expect(wantsExport({ ...off, otlpEndpoint: 'http://x', tracesExporter: 'none' })).toBe(false);
    expect(wantsExport({ ...off, tracesExporter: 'console' })).toBe(true);
    const { lines } = await startFixture();
    await waitFor(() => lines().some(({ msg }) => msg === 'ready'));
    expect(lines().some(({ msg }) => String(msg).includes('OpenTelemetry'))).toBe(false);
  });
});
