import { createManualClock, PAGE_ERROR_HEADER } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './support/gateway.ts';
import { type RawUpstream, startRawUpstream } from './support/upstream.ts';

/*
 * The limit per address and e-mail does not see somebody who tries one password on many addresses: wrong secrets in bodies
 * count as refused credentials of the address they come from.
 */
const ANON_KEY = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl';
const clock = createManualClock();
let service: RawUpstream;
let gateway: TestGateway;
let asked = 0;
beforeAll(async () => {
  await resetNats();
  service = await startRawUpstream((request, response) => {
    asked += 1;
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      if (request.url === '/device/sign-in') {
        const headers = {
          'content-type': 'text/html; charset=utf-8',
          [PAGE_ERROR_HEADER]: 'INVALID_CREDENTIALS',
        };
        return void response.writeHead(400, headers).end('<!doctype html><title>Wrong</title>');
      }
      const isGood = JSON.parse(text).password === 'right';
      const body = isGood
        ? '{"access_token":"x"}'
        : '{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}';
      response.writeHead(isGood ? 200 : 400, { 'content-type': 'application/json' }).end(body);
    });
  });
});
beforeEach(async () => {
  await gateway?.close();
  gateway = await startGateway({
    clock,
    env: {
      ANON_KEY,
      IDENTITY_SERVICE_URL: service.url,
      TRUST_PROXY: 'loopback',
      CREDENTIAL_REFUSALS_PER_MINUTE: '30',
    },
  });
});
afterAll(async () => {
  await gateway?.close();
  await service?.close();
});

const signIn = async (who: number, password: string, address: string): Promise<number> => {
  const answer = await fetch(`${gateway.url}/auth/v1/token?grant_type=password`, {
    method: 'POST',
    headers: { apikey: ANON_KEY, 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ email: `user-${who}@example.com`, password }),
  });
  await answer.body?.cancel();
  return answer.status;
};

test('one password on many e-mail addresses: after 30 wrong ones the address waits a minute, others do not', async () => {
  for (let who = 0; who < 30; who += 1) expect(await signIn(who, 'wrong', '203.0.113.7')).toBe(400);
  const askedBefore = asked;
  expect(await signIn(31, 'wrong', '203.0.113.7')).toBe(429);
  expect(await signIn(32, 'right', '203.0.113.7')).toBe(429);
  expect(asked).toBe(askedBefore);
  expect(await signIn(33, 'right', '203.0.113.8')).toBe(200);
  clock.advance(60);
  expect(await signIn(34, 'right', '203.0.113.7')).toBe(200);
});

test('a hundred guesses sent at once are no more than 30, and right passwords after them are let in', async () => {
  const askedBefore = asked;
  const statuses = await Promise.all(
    Array.from({ length: 100 }, (_, who) => signIn(who, who === 0 ? 'right' : 'wrong', '203.0.113.12')),
  );
  expect(asked - askedBefore).toBeLessThanOrEqual(31);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(69);
  clock.advance(60);
  expect(await signIn(101, 'right', '203.0.113.12')).toBe(200);
});

test('who renews a session at that address goes on: a client that is refused then signs its user out', async () => {
  for (let who = 0; who < 30; who += 1) expect(await signIn(who, 'wrong', '203.0.113.11')).toBe(400);
  expect(await signIn(31, 'right', '203.0.113.11')).toBe(429);
  const answer = await fetch(`${gateway.url}/auth/v1/token?grant_type=refresh_token`, {
    method: 'POST',
    headers: { apikey: ANON_KEY, 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.11' },
    body: JSON.stringify({ refresh_token: 'one-that-is-good', password: 'right' }),
  });
  await answer.body?.cancel();
  expect(answer.status).toBe(200);
});

test('right passwords do not count, however many come from one address', async () => {
  for (let who = 0; who < 40; who += 1) expect(await signIn(who, 'right', '203.0.113.9')).toBe(200);
});

test('wrong passwords in the form of the page count too, and what tells the gateway so does not leave', async () => {
  const fillIn = (who: number): Promise<Response> =>
    fetch(`${gateway.url}/device/sign-in`, {
      method: 'POST',
      headers: { 'x-forwarded-for': '203.0.113.10' },
      body: new URLSearchParams({ email: `user-${who}@example.com`, password: 'wrong' }),
    });
  for (let who = 0; who < 30; who += 1) {
    const answer = await fillIn(who);
    expect(answer.status).toBe(400);
    expect(answer.headers.has(PAGE_ERROR_HEADER)).toBe(false);
    expect(await answer.text()).toContain('Wrong');
  }
  const askedBefore = asked;
  expect((await fillIn(31)).status).toBe(429);
  expect(await signIn(32, 'right', '203.0.113.10')).toBe(429);
  expect(asked).toBe(askedBefore);
});
