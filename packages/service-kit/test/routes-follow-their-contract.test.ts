import { AppError, defineRoute, type PartnerPrincipal, partnerRoutes } from '@switchboard/contracts';
import { type Handler, type HandlerContext, implement } from '@switchboard/service-kit';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { createTestServer, principal } from './helpers.ts';

const base = {
  summary: '',
  source: 'test',
  service: 'partner-service',
  surface: 'partner',
  errors: [],
} as const;

const thing = defineRoute({
  ...base,
  id: 'test.things.create',
  method: 'POST',
  path: '/api/partner/v1/things/:thing_id',
  credentials: ['partner_key'],
  idempotent: true,
  bodyBytesMax: 2000,
  params: z.object({ thing_id: z.uuid('must be a UUID') }),
  query: z.object({ limit: z.coerce.number('must be a number').int().max(100).default(50) }),
  body: z.object({ name: z.string(), tags: z.array(z.object({ label: z.string() })).default([]) }),
  responses: {
    201: { description: '', schema: z.object({ name: z.string(), limit: z.number() }) },
    204: { description: '' },
  },
});

const open = defineRoute({
  ...base,
  id: 'test.open.get',
  method: 'GET',
  path: '/api/partner/v1/open',
  credentials: [],
  responses: { 200: { description: '', schema: z.object({ at: z.string() }) } },
});

const url = '/api/partner/v1/things/01936d5e-0000-7000-8000-000000000009';

const createServer = () => {
  const server = createTestServer();
  const seen: HandlerContext<typeof thing>[] = [];
  implement(server.app, thing, (ctx) => {
    seen.push(ctx);
    if (ctx.body.name === 'nothing') return { status: 204 };
    return {
      status: 201,
      body: { name: ctx.body.name, limit: ctx.query.limit },
      headers: { location: '/here' },
    };
  });
  implement(server.app, open, async () => ({ status: 200, body: { at: 'x' } }));
  const post = (body: unknown, options: { url?: string; headers?: Record<string, string> } = {}) =>
    server.app.inject({
      method: 'POST',
      url: options.url ?? url,
      headers: { 'x-internal-token': server.token(), 'content-type': 'application/json', ...options.headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { ...server, seen, post };
};

test('types flow from the contract into the handler', () => {
  type Context = HandlerContext<typeof thing>;
  expectTypeOf<Context['params']>().toEqualTypeOf<{ thing_id: string }>();
  expectTypeOf<Context['query']>().toEqualTypeOf<{ limit: number }>();
  expectTypeOf<Context['body']>().toEqualTypeOf<{ name: string; tags: { label: string }[] }>();
  expectTypeOf<Context['principal']>().toEqualTypeOf<PartnerPrincipal>();
  expectTypeOf<HandlerContext<typeof open>['principal']>().toEqualTypeOf<undefined>();
  expectTypeOf<HandlerContext<typeof partnerRoutes.getJobStatus>['params']>().toEqualTypeOf<{
    job_id: string;
  }>();
  // 200 is not an answer of this route, and 201 is none without its body.
  expectTypeOf<() => { status: 200 }>().not.toExtend<Handler<typeof thing>>();
  expectTypeOf<() => { status: 201 }>().not.toExtend<Handler<typeof thing>>();
  expectTypeOf<() => { status: 201; body: { name: string; limit: number } }>().toExtend<
    Handler<typeof thing>
  >();
});

test('a good request reaches the handler checked, and its answer has the headers of the surface', async () => {
  const { post, seen } = createServer();
  const answer = await post({ name: 'a', tags: [{ label: 'x', unknown: 1 }] }, { url: `${url}?limit=7` });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toEqual({ name: 'a', limit: 7 });
  expect(answer.headers).toMatchObject({
    'x-api-version': 'v1',
    location: '/here',
    'content-type': 'application/json; charset=utf-8',
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(seen[0]).toMatchObject({
    principal,
    body: { name: 'a', tags: [{ label: 'x' }] },
    idempotencyKey: undefined,
  });
});

test('an answer without a body has none', async () => {
  const answer = await createServer().post({ name: 'nothing' });
  expect([answer.statusCode, answer.body]).toEqual([204, '']);
});

test('every faulty field of a body is named', async () => {
  const answer = await createServer().post({ tags: [{ label: 1 }, {}] });
  expect(answer.statusCode).toBe(400);
  expect(answer.json().error).toMatchObject({
    code: 'INVALID_INPUT',
    details: {
      fields: [
        { field: 'name', message: 'is required' },
        { field: 'tags.0.label', message: 'must be a string' },
        { field: 'tags.1.label', message: 'is required' },
      ],
    },
    timestamp: '2026-01-01T00:00:00.000Z',
  });
});

test('faults are told in words, whatever the schema says or does not say', async () => {
  const { app } = createTestServer();
  const worded = defineRoute({
    ...base,
    id: 'test.worded.create',
    method: 'POST',
    path: '/api/partner/v1/worded',
    credentials: [],
    body: z.object({
      missing_id: z.uuid('must be a UUID'),
      id: z.uuid('must be a UUID'),
      data: z.record(z.string(), z.unknown()),
      role: z.enum(['agent', 'manager']),
      note: z.string().max(3),
      from: z.union([z.iso.date(), z.iso.datetime()], 'must be an ISO 8601 date or time'),
      missing_union: z.union([z.string(), z.number()]),
    }),
    responses: { 204: { description: '' } },
  });
  implement(app, worded, () => ({ status: 204 }));
  const answer = await app.inject({
    method: 'POST',
    url: worded.path,
    payload: { id: 7, data: [], role: 'boss', note: 'long', from: 'now' },
  });
  expect(answer.json().error.details.fields).toEqual([
    { field: 'missing_id', message: 'is required' },
    { field: 'id', message: 'must be a UUID' },
    { field: 'data', message: 'must be an object' },
    { field: 'role', message: 'must be one of agent, manager' },
    { field: 'note', message: 'must be at most 3 characters' },
    { field: 'from', message: 'must be an ISO 8601 date or time' },
    { field: 'missing_union', message: 'is required' },
  ]);
});

test('an id that is far too long is one that nobody has, not another address', async () => {
  const { app, token } = createTestServer();
  implement(app, partnerRoutes.getJobStatus, ({ params }) => {
    throw new AppError('JOB_NOT_FOUND', { message: String(params.job_id.length) });
  });
  const headers = { 'x-internal-token': token() };
  const answer = await app.inject({ url: `/api/partner/v1/jobs/${'x'.repeat(5000)}/status`, headers });
  expect([answer.statusCode, answer.json().error.code]).toEqual([404, 'JOB_NOT_FOUND']);
});

test('faults of path and query are INVALID_PARAMETER', async () => {
  const { post } = createServer();
  const wrongPath = await post({ name: 'a' }, { url: '/api/partner/v1/things/7' });
  expect(wrongPath.json().error).toMatchObject({
    code: 'INVALID_PARAMETER',
    details: { fields: [{ field: 'thing_id', message: 'must be a UUID' }] },
  });
  const wrongQuery = await post({ name: 'a' }, { url: `${url}?limit=many` });
  expect(wrongQuery.json().error.details.fields).toEqual([{ field: 'limit', message: 'must be a number' }]);
});

test.each(['%00', '%', '%ff'])('a path with %s is refused, not an error of ours', async (text) => {
  const { app, token } = createTestServer();
  implement(app, partnerRoutes.getJobStatus, () => {
    throw new Error('never reached');
  });
  const headers = { 'x-internal-token': token() };
  const answer = await app.inject({ url: `/api/partner/v1/jobs/${text}/status`, headers });
  expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_PARAMETER']);
  expect(answer.headers['x-request-id']).toBeDefined();
});

describe('answers', () => {
  const answering = (answer: unknown) => {
    const server = createTestServer();
    implement(server.app, open, () => answer as { status: 200; body: { at: string } });
    return server;
  };

  test('fields that the contract does not know never leave', async () => {
    const { app } = answering({ status: 200, body: { at: 'x', api_secret_hash: 'y' } });
    expect((await app.inject('/api/partner/v1/open')).json()).toEqual({ at: 'x' });
  });

  test('an answer against the contract is an error of ours, and the log says why', async () => {
    const { app, lines } = answering({ status: 200, body: { at: 5 }, headers: { location: '/x' } });
    const answer = await app.inject('/api/partner/v1/open');
    expect(answer.statusCode).toBe(500);
    expect(answer.json().error).toMatchObject({
      code: 'INTERNAL_ERROR',
      message: 'Something went wrong on our side',
    });
    expect(answer.headers.location).toBeUndefined();
    expect(JSON.stringify(lines)).toContain('test.open.get answered 200 against its contract: at: ');
  });

  test('what a handler throws shows nothing of itself', async () => {
    const server = createTestServer();
    implement(server.app, open, () => {
      throw new Error('relation "secret_table" does not exist');
    });
    const answer = await server.app.inject('/api/partner/v1/open');
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toMatch(/secret_table|\.ts/);
    expect(JSON.stringify(server.lines)).toContain('secret_table');
  });
});

describe('who asks', () => {
  test.each([
    ['no token', ''],
    ['another text', 'abc'],
  ])('%s is refused before the body is looked at', async (_name, token) => {
    const answer = await createServer().post('{', { headers: { 'x-internal-token': token } });
    expect([answer.statusCode, answer.json().error.code]).toEqual([401, 'UNAUTHORIZED']);
  });

  test('a token for another service is refused', async () => {
    const { post, mint } = createServer();
    const answer = await post(
      { name: 'a' },
      { headers: { 'x-internal-token': mint(principal, 'ai-service') } },
    );
    expect(answer.statusCode).toBe(401);
  });

  test('a route with a credential cannot be implemented without a verifier', () => {
    const { app } = createTestServer();
    Object.assign(app.kit, { verifyInternalToken: undefined });
    expect(() => implement(app, thing, () => ({ status: 204 }))).toThrow('verifyInternalToken');
  });
});

describe('idempotency keys', () => {
  test.each([
    [{ 'x-idempotency-key': 'abc' }, 'abc'],
    [{ 'idempotency-key': 'abc' }, 'abc'],
    [{ 'idempotency-key': 'abc', 'x-idempotency-key': 'abc' }, 'abc'],
  ])('%j is %s', async (headers, key) => {
    const { post, seen } = createServer();
    await post({ name: 'a' }, { headers });
    expect(seen[0]?.idempotencyKey).toBe(key);
  });

  test.each([
    { 'idempotency-key': 'a b' },
    { 'idempotency-key': 'a', 'x-idempotency-key': 'b' },
    { 'idempotency-key': 'x'.repeat(256) },
  ])('%j is refused', async (headers) => {
    const answer = await createServer().post({ name: 'a' }, { headers });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'INVALID_IDEMPOTENCY_KEY']);
  });
});

describe('request ids', () => {
  test.each(['abc-123', '01936d5e-0000-7000-8000-000000000001', 'a/b:c=d'])('%s is kept', async (id) => {
    const answer = await createServer().app.inject({
      url: '/api/partner/v1/open',
      headers: { 'x-request-id': id },
    });
    expect(answer.headers['x-request-id']).toBe(id);
  });
  test.each(['a b', 'x'.repeat(129), '<script>', ''])('%j is replaced', async (id) => {
    const answer = await createServer().app.inject({
      url: '/api/partner/v1/open',
      headers: { 'x-request-id': id },
    });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('unknown addresses', () => {
  test.each([
    ['/api/partner/v1/nothing', { error: { code: 'NOT_FOUND' } }],
    ['/functions/v1/nothing', { success: false, code: 'NOT_FOUND' }],
    ['/nothing', { status: 404, code: 'NOT_FOUND' }],
  ])('%s is 404 in the dialect of its surface', async (path, body) => {
    const answer = await createServer().app.inject({
      method: 'POST',
      url: path,
      payload: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject(body);
  });
});
