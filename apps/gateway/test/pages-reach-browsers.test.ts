import { createManualClock } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { testRoute } from './support/echo.ts';
import { startGateway, type TestGateway } from './support/gateway.ts';
import { type RawUpstream, startRawUpstream } from './support/upstream.ts';

const PAGE = '<!doctype html><title>Wrong code</title>';
const page = {
  description: 'A page',
  schema: z.string(),
  mediaType: 'text/html; charset=utf-8',
} as const;

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  await resetNats();
  upstream = await startRawUpstream((request, response) => {
    if (request.url === '/device/breaks') return void request.socket.destroy();
    response.writeHead(400, {
      'content-type': 'text/html; charset=utf-8',
      'set-cookie': 'a=1; Path=/device',
    });
    response.end(PAGE);
  });
  gateway = await startGateway({
    clock: createManualClock(),
    routes: [
      testRoute('/device', [], { limitGroup: 'auth', responses: { 200: page } }),
      testRoute('/device/breaks', [], { responses: { 200: page } }),
      testRoute('/other', []),
    ],
    env: { PARTNER_SERVICE_URL: upstream.url },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const expectErrorPage = async (answer: Response, status: number, words: string) => {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  const text = await answer.text();
  expect(text).toContain('role="alert"');
  expect(text).toContain(words);
};

test('what a page says went wrong reaches whoever looks at it, with its cookies', async () => {
  const answer = await fetch(`${gateway.url}/device`);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('set-cookie')).toBe('a=1; Path=/device');
  expect(await answer.text()).toBe(PAGE);
});

test('a page instead of an answer of the API does not leave', async () => {
  const answer = await fetch(`${gateway.url}/other`);
  expect(answer.status).toBe(502);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
});

test('what the gateway itself has to say is a page too: a service that breaks off, a limit', async () => {
  await expectErrorPage(await fetch(`${gateway.url}/device/breaks`), 502, 'did not answer properly');
  let last = await fetch(`${gateway.url}/device`);
  for (let asked = 0; last.status !== 429 && asked < 40; asked += 1) {
    last = await fetch(`${gateway.url}/device`);
  }
  expect(last.headers.get('retry-after')).toBe('60');
  await expectErrorPage(last, 429, 'Rate limit exceeded');
});
