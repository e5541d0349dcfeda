import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { defineRoute } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { inspectJsonBytes } from '../src/http/inspect-json.ts';
import { createTestServer } from './helpers.ts';

const BODY_BYTES_MAX = 1_000_000;
const route = defineRoute({
  id: 'test.anything.post',
  summary: '',
  source: 'test',
  service: 'partner-service',
  surface: 'partner',
  errors: [],
  method: 'POST',
  path: '/api/partner/v1/anything',
  credentials: [],
  bodyBytesMax: BODY_BYTES_MAX,
  body: z.json().optional(),
  responses: { 200: { description: '', schema: z.object({ got: z.string() }) } },
});

const servers: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const startServer = async () => {
  const server = createTestServer();
  servers.push(server.app);
  implement(server.app, route, ({ body }) => ({ status: 200, body: { got: typeof body } }));
  const url = await server.app.listen({ port: 0, host: '127.0.0.1' });
  const post = async (
    body: string | Uint8Array<ArrayBuffer> | undefined,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(`${url}${route.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const json = (await answer.json()) as { got?: string; error?: { code: string; details: unknown } };
    return { status: answer.status, code: json.error?.code, details: json.error?.details, got: json.got };
  };
  return { ...server, url, post };
};

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test.each([
  ['a bracket that stays open', '{"a":1', 'INVALID_INPUT'],
  ['100,000 open brackets', '['.repeat(100_000), 'INVALID_INPUT'],
  ['100,000 nested lists', nested(100_000), 'INVALID_INPUT'],
  ['100,000 nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'INVALID_INPUT'],
  ['a level too many', nested(65), 'INVALID_INPUT'],
  ['values without end', `[${'0,'.repeat(250_000)}0]`, 'INVALID_INPUT'],
  ['bytes that are not UTF-8', Uint8Array.from([0x22, 0xff, 0xfe, 0x22]), 'INVALID_INPUT'],
  ['a key that reaches the prototype', '{"a":{"__proto__":{"admin":true}}}', 'INVALID_INPUT'],
  ['a key that reaches it the other way', '{"constructor":{"prototype":{"admin":true}}}', 'INVALID_INPUT'],
  ['NUL in a text', '{"a":["\\u0000"]}', 'INVALID_INPUT'],
  ['half a surrogate pair', '{"a":"\\ud800"}', 'INVALID_INPUT'],
])('%s is 400, and the service lives on', async (_name, body, code) => {
  const { post } = await startServer();
  expect(await post(body)).toMatchObject({ status: 400, code });
  expect(await post('{}')).toMatchObject({ status: 200 });
});

test('what is too much is refused before it is parsed, and text with brackets in it is not too much', () => {
  const bytesOf = (text: string) => Buffer.from(text);
  // Parsed, these would be gigabytes and half a minute; looked through, they are neither.
  for (const unit of ['[],', '{},', '0,', '"",', '{"a":0},']) {
    const bomb = `{"a":[${unit.repeat(Math.floor(30_000_000 / unit.length))}0]}`;
    expect(inspectJsonBytes(bytesOf(bomb)), unit).toEqual({ kind: 'size' });
  }
  expect(inspectJsonBytes(bytesOf('['.repeat(10_000_000)))).toEqual({ kind: 'depth' });
  for (const taken of [
    nested(64),
    `[${'0,'.repeat(199_999)}0]`,
    `[${'[],'.repeat(199_999)}[]]`,
    `{"a":"${'[{,'.repeat(1_000_000)}"}`,
    `{"a":"${'\\"[{,'.repeat(300_000)}\\\\","b":[]}`,
    '"open [[[',
    '',
  ]) {
    expect(inspectJsonBytes(bytesOf(taken)), taken.slice(0, 40)).toBeUndefined();
  }
});

test('the field with the text that cannot be stored is named', async () => {
  const { post } = await startServer();
  expect((await post('{"a":{"b":["x","\\u0000"]}}')).details).toMatchObject({ fields: [{ field: 'a.b.1' }] });
});

test('64 levels are taken, and the last of two equal keys counts', async () => {
  const { post } = await startServer();
  expect(await post(nested(64))).toMatchObject({ status: 200 });
  expect(await post('{"a":1,"a":2}')).toMatchObject({ status: 200 });
});

describe('size', () => {
  test('the limit itself is taken, a byte more is 413', async () => {
    const { post } = await startServer();
    expect(await post(`"${'x'.repeat(BODY_BYTES_MAX - 2)}"`)).toMatchObject({ status: 200 });
    expect(await post(`"${'x'.repeat(BODY_BYTES_MAX - 1)}"`)).toMatchObject({
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
      details: { max_bytes: BODY_BYTES_MAX },
    });
  });

  test('a body without a declared length is counted while it comes', async () => {
    const { url } = await startServer();
    const chunk = new TextEncoder().encode('x'.repeat(64 * 1024));
    let chunks = 0;
    const body = new ReadableStream({
      pull(controller) {
        chunks += 1;
        if (chunks > 100) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const headers = { 'content-type': 'application/json' };
    const answer = fetch(`${url}${route.path}`, { method: 'POST', headers, body, duplex: 'half' });
    // The server answers and closes; whether the client still reads the answer is its own race.
    const status = await answer.then(({ status }) => status).catch(() => 413);
    expect(status).toBe(413);
    expect(chunks).toBeLessThan(100);
  });
});

describe('content types', () => {
  test.each([
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('%s is 415 and the answer says what is taken', async (type) => {
    const { post } = await startServer();
    expect(await post('a=b', { 'content-type': type })).toMatchObject({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      details: { accepted: ['application/json'] },
    });
  });

  test('JSON with a charset is JSON', async () => {
    const { post } = await startServer();
    expect(await post('{}', { 'content-type': 'application/json; charset=utf-8' })).toMatchObject({
      status: 200,
    });
  });

  test('a compressed body is 415, not inflated', async () => {
    const { post } = await startServer();
    const body = Uint8Array.from(gzipSync('{}'));
    expect(await post(body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
  });

  test.each([
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'application/x-www-form-urlencoded' },
  ])('no body is fine under %j', async (headers) => {
    const { app } = await startServer();
    const answer = await app.inject({ method: 'POST', url: route.path, headers });
    expect(answer.json()).toEqual({ got: 'undefined' });
  });
});

test.each([
  ['no HTTP at all', 'HELLO\r\n\r\n', 400],
  ['a header larger than any', `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
  ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 400],
])('%s gets an answer that is HTTP', async (_name, bytes, status) => {
  const { url } = await startServer();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // What was not read may break the connection after the answer.
  socket.on('error', () => {});
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(text).toMatch(/^x-request-id: [0-9a-f-]{36}\r$/m);
  expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status });
});
