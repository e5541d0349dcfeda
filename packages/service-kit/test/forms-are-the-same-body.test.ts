import { request } from 'node:http';
import { defineRoute } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestServer, uploadRoute } from './helpers.ts';

const BODY_BYTES_MAX = 100_000;
const route = defineRoute({
  ...uploadRoute,
  credentials: [],
  bodyBytesMax: BODY_BYTES_MAX,
  body: z.object({
    audio_file: z.union([z.string(), z.instanceof(Uint8Array)]),
    name: z.string(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    webhook_url: z.string().nullable().optional(),
    count: z.number().optional(),
  }),
  responses: { 200: { description: '', schema: z.json() } },
});

const servers: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const startServer = async () => {
  const { app } = createTestServer();
  servers.push(app);
  implement(app, route, ({ body: { audio_file, ...body } }) => ({
    status: 200,
    body: {
      ...body,
      bytes: audio_file.length,
      binary: audio_file instanceof Uint8Array,
    } as z.core.util.JSONType,
  }));
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}${route.path}`;
  const sendSlowly = (head: string, rest: string) =>
    new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
      const headers = { 'content-type': 'multipart/form-data; boundary=XX' };
      const client = request(url, { method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode, connection: answer.headers.connection });
      });
      client.on('error', reject);
      client.write(head.replaceAll('\n', '\r\n'));
      // As much as no socket buffers, long after the fault was seen: a server that hung up would be noticed.
      setImmediate(() => client.end(rest.replaceAll('\n', '\r\n')));
    });
  const send = async (init: RequestInit) => {
    const answer = await fetch(url, { method: 'POST', ...init });
    return { status: answer.status, json: JSON.parse(await answer.text()) };
  };
  return { send, sendSlowly };
};

const form = (fields: Record<string, string | Blob>) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return { body: data };
};

const audio = (bytes = 1000) => new Blob([new Uint8Array(bytes)], { type: 'audio/wav' });

test('fields and a file arrive as the body that JSON would give', async () => {
  const { send } = await startServer();
  expect(
    await send(
      form({ audio_file: audio(), name: '42', metadata: '{"a":{"b":1}}', webhook_url: 'null', count: '3' }),
    ),
  ).toEqual({
    status: 200,
    // What a schema takes as text stays text: the webhook_url is the word.
    json: { name: '42', metadata: { a: { b: 1 } }, webhook_url: 'null', count: 3, bytes: 1000, binary: true },
  });
});

test('a part that is JSON is the value, and is refused by the same bounds before it is parsed', async () => {
  const { send } = await startServer();
  const part = (name: string, json: string) =>
    `--XX\r\ncontent-disposition: form-data; name="${name}"\r\ncontent-type: application/json\r\n\r\n${json}\r\n`;
  const sendParts = (...parts: readonly string[]) =>
    send({
      headers: { 'content-type': 'multipart/form-data; boundary=XX' },
      body: `${parts.join('')}--XX--\r\n`,
    });
  const audioPart = part('audio_file', '"abc"');
  expect(await sendParts(audioPart, part('name', '42'), part('metadata', '{"a":{"b":1}}'))).toEqual({
    status: 200,
    json: { name: '42', metadata: { a: { b: 1 } }, bytes: 3, binary: false },
  });
  for (const bad of ['{"a":', `{"a":${'['.repeat(200)}`, `{"a":${'['.repeat(200)}${']'.repeat(200)}}`]) {
    const answer = await sendParts(audioPart, part('name', '"x"'), part('metadata', bad));
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'INVALID_INPUT' } } });
    // Told by our own look at it, not by whatever else would parse it.
    expect(answer.json.error.message, bad).toMatch(
      bad.endsWith(']}') || bad.endsWith('[') ? /64 levels/ : /JSON/,
    );
  }
});

test('JSON is still taken on the same route', async () => {
  const { send } = await startServer();
  const body = JSON.stringify({ audio_file: 'abc', name: 'x' });
  expect((await send({ body, headers: { 'content-type': 'application/json' } })).json).toMatchObject({
    bytes: 3,
    binary: false,
  });
});

test('faulty fields of a form are named as those of JSON are', async () => {
  const { send } = await startServer();
  const { status, json } = await send(form({ audio_file: audio(), metadata: 'no json', count: 'many' }));
  expect(status).toBe(400);
  const fields = json.error.details.fields.map(({ field }: { field: string }) => field);
  expect(fields.toSorted()).toEqual(['count', 'metadata', 'name']);
});

test.each([
  ['one large file', { audio_file: audio(BODY_BYTES_MAX + 1), name: 'x' }],
  ['one large field', { audio_file: audio(), name: 'x'.repeat(BODY_BYTES_MAX + 1) }],
  ['parts that are too large together', { audio_file: audio(60_000), other: audio(60_000), name: 'x' }],
  ['too many parts', Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`f${index}`, 'x']))],
])('%s is 413', async (_name, fields) => {
  const { send } = await startServer();
  expect(await send(form(fields))).toMatchObject({
    status: 413,
    json: { error: { code: 'PAYLOAD_TOO_LARGE' } },
  });
});

const raw = (parts: string, boundary = 'XX') => ({
  body: parts.replaceAll('\n', '\r\n'),
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
});

test.each([
  [
    'a field that is there twice',
    raw(
      '--XX\nContent-Disposition: form-data; name="name"\n\na\n--XX\nContent-Disposition: form-data; name="name"\n\nb\n--XX--\n',
    ),
  ],
  [
    'a name that reaches the prototype',
    raw('--XX\nContent-Disposition: form-data; name="__proto__"\n\na\n--XX--\n'),
  ],
  ['a form that ends early', raw('--XX\nContent-Disposition: form-data; name="name"\n\na')],
  ['a part without a name', raw('--XX\nContent-Disposition: form-data\n\na\n--XX--\n')],
  ['no boundary', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }],
  ['NUL in a field', raw('--XX\nContent-Disposition: form-data; name="name"\n\na\u0000b\n--XX--\n')],
])('%s is 400', async (_name, init) => {
  const { send } = await startServer();
  expect(await send(init)).toMatchObject({ status: 400, json: { error: { code: 'INVALID_INPUT' } } });
});

test('who still sends the rest of a refused form gets the refusal, and may use the connection again', async () => {
  const { sendSlowly } = await startServer();
  const twice =
    '--XX\nContent-Disposition: form-data; name="name"\n\na\n--XX\nContent-Disposition: form-data; name="name"\n\nb\n--XX\n';
  const rest = `Content-Disposition: form-data; name="audio_file"; filename="a.wav"\n\n${'x'.repeat(90_000)}\n--XX--\n`;
  expect(await sendSlowly(twice, rest)).toEqual({ status: 400, connection: 'keep-alive' });
});
