import { connect, type Socket } from 'node:net';
import { ANALYZE_BODY_BYTES_MAX, AUDIO_BYTES_MAX, BODY_BYTES_MAX_DEFAULT } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner, type TestPair } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let pair: TestPair;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
});
afterAll(async () => {
  await owner.leave();
  await bus.close();
});
beforeEach(async () => {
  service = await startPartnerService();
  gateway = await startGateway({ env: { PARTNER_SERVICE_URL: service.url } });
  pair = owner.issue();
});
afterEach(async () => {
  await gateway.close();
  await service.close();
});

const CREATE = '/api/partner/v1/companies/create';
const ANALYZE = '/api/partner/v1/calls/analyze';
const ID = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const post = async (
  path: string,
  body: string | Uint8Array | ReadableStream,
  headers: Record<string, string> = {},
) => {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { ...pair.headers, 'content-type': 'application/json', ...headers },
    body,
    duplex: 'half',
  });
  return { status: response.status, body: Object(await response.json()) };
};

interface Conversation {
  readonly socket: Socket;
  text: string;
  closed: boolean;
}
const talk = (bytes: string | Buffer): Conversation => {
  const socket = connect(gateway.port, '127.0.0.1');
  const conversation: Conversation = { socket, text: '', closed: false };
  socket.on('data', (chunk) => {
    conversation.text += chunk;
  });
  socket.on('close', () => {
    conversation.closed = true;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  return conversation;
};
const said = async (conversation: Conversation, what: RegExp): Promise<void> => {
  await waitFor(() => what.test(conversation.text), { what: `${what} in ${conversation.text}` });
};
const head = (lines: readonly string[]): string =>
  `${[...lines, 'Host: h', `Authorization: Bearer ${pair.key}`, `X-API-Secret: ${pair.secret}`].join('\r\n')}\r\n\r\n`;

describe('bodies', () => {
  test('25 MB of audio pass, and one of 2 MB that comes in chunks of unknown number', async () => {
    const audio = 'A'.repeat((AUDIO_BYTES_MAX / 3) * 4);
    const fields = { company_id: ID, agent_id: ID, call_type: 'sales' };
    const large = await post(ANALYZE, JSON.stringify({ ...fields, audio_file: audio }));
    expect(large).toMatchObject({ status: 202, body: { message: String(audio.length) } });
    const text = JSON.stringify({ ...fields, audio_file: 'A'.repeat(2_000_000) });
    const chunked = await post(ANALYZE, new Blob([text]).stream());
    expect(chunked).toMatchObject({ status: 202, body: { message: '2000000' } });
  });

  test('one byte over the limit is 413 in the dialect: by Content-Length, and in chunks', async () => {
    for (const [path, max] of [
      [CREATE, BODY_BYTES_MAX_DEFAULT],
      [ANALYZE, ANALYZE_BODY_BYTES_MAX],
    ] as const) {
      const bytes = new Uint8Array(max + 1).fill(0x20);
      const expected = {
        status: 413,
        body: { error: { code: 'PAYLOAD_TOO_LARGE', details: { max_bytes: max } } },
      };
      expect(await post(path, bytes)).toMatchObject(expected);
      expect(await post(path, new Blob([bytes]).stream())).toMatchObject(expected);
    }
    expect(service.seen).toEqual([]);
  });

  test('a refused upload is answered while it still comes, and its connection can be used again', async () => {
    const length = ANALYZE_BODY_BYTES_MAX + 1;
    const conversation = talk(head([`POST ${ANALYZE} HTTP/1.1`, `Content-Length: ${length}`]));
    await said(conversation, /^HTTP\/1.1 413/);
    conversation.socket.write(Buffer.alloc(length, 'a'));
    conversation.text = '';
    conversation.socket.write(head(['GET /api/partner/v1/health HTTP/1.1', 'Connection: close']));
    await said(conversation, /HTTP\/1.1 200/);
    await waitFor(() => conversation.closed, { what: 'the end of the connection' });
  });

  test('with Expect: 100-continue a refused caller sends nothing, an admitted one is asked', async () => {
    const refused = talk(
      head([
        `POST ${ANALYZE} HTTP/1.1`,
        `Content-Length: ${ANALYZE_BODY_BYTES_MAX + 1}`,
        'Expect: 100-continue',
      ]),
    );
    await said(refused, /^HTTP\/1.1 413/);
    await waitFor(() => refused.closed, { what: 'the end of the connection' });
    for (const size of [100, 3_000_000]) {
      const body = JSON.stringify({ name: 'A', contact_email: 'a@b.co', x: 'x'.repeat(size) });
      const path = size > 1000 ? ANALYZE : CREATE;
      const admitted = talk(
        head([
          `POST ${path} HTTP/1.1`,
          'Content-Type: application/json',
          `Content-Length: ${body.length}`,
          'Expect: 100-continue',
          'Connection: close',
        ]),
      );
      await said(admitted, /^HTTP\/1.1 100 Continue\r\n\r\n/);
      admitted.socket.write(body);
      await said(admitted, /HTTP\/1.1 (201|400)/);
    }
  });

  test('a caller that promises more than it sends and leaves does no harm', async () => {
    const conversation = talk(
      `${head([`POST ${CREATE} HTTP/1.1`, 'Content-Length: 1000', 'Content-Type: application/json'])}{"na`,
    );
    const large = talk(
      `${head([`POST ${ANALYZE} HTTP/1.1`, 'Content-Length: 9000000', 'Content-Type: application/json'])}{"na`,
    );
    await waitFor(() => gateway.app.kit.traffic.inFlight === 2, { what: 'both requests' });
    conversation.socket.destroy();
    large.socket.destroy();
    await waitFor(() => gateway.app.kit.traffic.inFlight === 0, { what: 'both requests to end' });
    expect((await fetch(`${gateway.url}/api/partner/v1/health`, { headers: pair.headers })).status).toBe(200);
  });

  test('more bytes than Content-Length says are never part of the body: 400 and the end of the connection', async () => {
    const body = JSON.stringify({ name: 'A', contact_email: 'a@b.co' });
    const conversation = talk(
      `${head([`POST ${CREATE} HTTP/1.1`, `Content-Length: ${body.length}`, 'Content-Type: application/json'])}${body}garbage\r\n\r\n`,
    );
    await said(conversation, /HTTP\/1.1 400/);
    await waitFor(() => conversation.closed, { what: 'the end of the connection' });
    expect(service.seen.every((request) => !JSON.stringify(request.body).includes('garbage'))).toBe(true);
  });

  test('JSON that nests 100,000 deep is 400, wherever it is noticed', async () => {
    const deep = `{"name":"A","contact_email":"a@b.co","questionnaire_data":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
    expect((await post(CREATE, deep)).status).toBe(400);
  });

  test('an empty body and a missing content type are told apart from a bad one', async () => {
    expect((await post(CREATE, '{"name":')).status).toBe(400);
    expect((await post(CREATE, 'name=A', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('bytes that are meant to confuse', () => {
  const badRequests: [string, () => string][] = [
    ['two lengths', () => head([`POST ${CREATE} HTTP/1.1`, 'Content-Length: 5', 'Content-Length: 6'])],
    [
      'a length and chunks',
      () => head([`POST ${CREATE} HTTP/1.1`, 'Content-Length: 5', 'Transfer-Encoding: chunked']),
    ],
    [
      'a chunk size that is none',
      () => `${head([`POST ${CREATE} HTTP/1.1`, 'Transfer-Encoding: chunked'])}zz\r\n`,
    ],
    [
      'a bare line feed in a header',
      () => head(['GET /api/partner/v1/health HTTP/1.1', 'X-A: b\nX-Internal-Token: x']),
    ],
    ['a NUL in a header', () => head(['GET /api/partner/v1/health HTTP/1.1', 'X-A: a\u0000b'])],
    ['a space before the colon', () => head(['GET /api/partner/v1/health HTTP/1.1', 'X-A : b'])],
  ];
  test.each(badRequests)('%s: 400 and the end of the connection', async (_what, bytes) => {
    const conversation = talk(bytes());
    await said(conversation, /^HTTP\/1.1 400/);
    await waitFor(() => conversation.closed, { what: 'the end of the connection' });
    expect(service.seen).toEqual([]);
  });

  test('headers of 20 KB: 431', async () => {
    await said(
      talk(head(['GET /api/partner/v1/health HTTP/1.1', `X-A: ${'a'.repeat(20_000)}`])),
      /^HTTP\/1.1 431/,
    );
  });

  test('two Authorization or two X-API-Secret headers: refused, even when one is good', async () => {
    const second = owner.issue();
    for (const line of [`Authorization: Bearer ${second.key}`, `X-API-Secret: ${second.secret}`]) {
      const conversation = talk(head(['GET /api/partner/v1/health HTTP/1.1', 'Connection: close', line]));
      await said(conversation, /^HTTP\/1.1 401[\s\S]*"UNAUTHORIZED"/);
    }
    expect(service.seen).toEqual([]);
  });

  test('a line break in a query, an id or a request id never becomes a header', async () => {
    const response = await fetch(`${gateway.url}/api/partner/v1/companies?search=a%0d%0aX-Evil:%201`, {
      headers: { ...pair.headers, 'x-request-id': 'a b' },
    });
    expect(response.headers.get('x-evil')).toBeNull();
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(service.seen[0]?.headers['x-evil']).toBeUndefined();
  });

  test('a path that climbs does not leave its surface', async () => {
    const conversation = talk(head(['GET /api/partner/v1/../../../metrics HTTP/1.1', 'Connection: close']));
    await said(conversation, /^HTTP\/1.1 404/);
    const encoded = talk(
      head(['GET /api/partner/v1/jobs/..%2f..%2f..%2fmetrics/status HTTP/1.1', 'Connection: close']),
    );
    await said(encoded, /^HTTP\/1.1 404/);
    expect(encoded.text).not.toContain('http_request');
  });
});
