import { anonPrincipalSchema, createManualClock, type Principal } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerOf } from '../src/limits/caller.ts';
import { startGateway, type TestGateway } from './support/gateway.ts';
import { limitedRoute, newKeyId } from './support/limited.ts';
import { sendRaw } from './support/send-raw.ts';
import { type RawUpstream, startRawUpstream } from './support/upstream.ts';

const json = (value: unknown) => ({ type: 'application/json', text: JSON.stringify(value) });
const form = (value: Record<string, string>) => ({
  type: 'application/x-www-form-urlencoded; charset=UTF-8',
  text: new URLSearchParams(value).toString(),
});

/** What refresh tokens of one session begin with. */
const ONE = 'AQGS8MErPHFOj1BhcoOUChsA'.slice(0, 22);
const TWO = 'AQGS8MErPHFOj1BhcoAbCdzz'.slice(0, 22);

describe('whose requests count together', () => {
  const anon = anonPrincipalSchema.parse({ kind: 'anon' });
  const caller = (
    body: { type: string; text: string } | null,
    options: { address?: string; principal?: Principal | null; url?: string } = {},
  ) => {
    const { address = '203.0.113.7', principal = anon, url = '/auth/v1/token?grant_type=password' } = options;
    const { pathname: path, searchParams } = new URL(url, 'http://gateway');
    const query = Object.fromEntries(searchParams);
    const request = { headers: body ? { 'content-type': body.type } : {}, query };
    return callerOf('address+email', { request, path, address, principal }, body && Buffer.from(body.text));
  };
  const ada = caller(json({ email: 'ada@example.com', password: 'x' }));

  test('an address and an e-mail, however that is written and sent', () => {
    for (const body of [
      json({ email: ' ADA@Example.com\n', password: 'y' }),
      { ...json({ email: 'ada@example.com' }), type: 'Application/JSON; charset=utf-8' },
      form({ email: 'Ada@example.com', more: '1' }),
      { type: 'application/json', text: `\uFEFF${JSON.stringify({ email: 'ada@example.com' })}` },
    ]) {
      expect(caller(body)).toBe(ada);
    }
    expect(caller(json({ email: 'ada@example.com' }), { principal: null })).toBe(ada);
    expect(caller(json({ email: 'jose\u0301@example.com' }))).toBe(
      caller(json({ email: 'jos\u00e9@example.com' })),
    );
    expect(caller(json({ email: 'eve@example.com' }))).not.toBe(ada);
    expect(caller(json({ email: 'ada@example.com' }), { address: '203.0.113.8' })).not.toBe(ada);
  });

  test('one customer’s IPv6 network is one address', () => {
    const from = (address: string) => caller(json({ email: 'ada@example.com' }), { address });
    expect(from('2001:db8::1')).toBe(from('2001:db8::ffff'));
    expect(from('2001:db8::1')).not.toBe(from('2001:db8:0:1::1'));
  });

  test('nobody’s e-mail address and no part of a token is in the name', () => {
    expect(ada).toMatch(/^address:203\.0\.113\.7:email:[\w-]{43}$/);
    const url = '/auth/v1/token?grant_type=refresh_token';
    expect(caller(json({ refresh_token: 'session.1.secret' }), { url })).not.toMatch(/session\.|secret/);
    expect(caller(json({ email: 'a'.repeat(30_000) })).length).toBeLessThan(100);
  });

  test('a device that polls counts for itself: others behind its address are not held up', () => {
    const poll = (device: string) =>
      caller(json({ device_code: device }), { url: '/api/v1/auth/device/token' });
    expect(poll('device-one')).toBe(poll('device-one'));
    expect(poll('device-one')).not.toBe(poll('device-two'));
    expect(poll('device-one')).not.toContain('device-one');
  });

  test('a session that is refreshed counts over all its tokens, and no e-mail is asked for', () => {
    const refresh = (body: Record<string, string>) =>
      caller(json(body), { url: '/auth/v1/token?grant_type=refresh_token' });
    expect(refresh({ refresh_token: `${ONE}1a` })).toBe(
      refresh({ refresh_token: `${ONE}2b`, email: 'x@y.z' }),
    );
    expect(refresh({ refresh_token: `${ONE}1a` })).not.toBe(refresh({ refresh_token: `${TWO}1a` }));
    // Beside a password it changes nothing.
    expect(caller(json({ email: 'ada@example.com', refresh_token: 'one.1.a' }))).toBe(ada);
  });

  test('a device or a session that the route is not about gives nobody a limit of their own', () => {
    const email = 'ada@example.com';
    expect(caller(json({ email, device_code: 'made up' }))).toBe(ada);
    for (const url of ['/device/sign-in', '/auth/v1/recover', '/auth/v1/recover?grant_type=refresh_token']) {
      expect(caller(form({ email, device_code: 'made up', refresh_token: 'made up' }), { url })).toBe(ada);
    }
    const code = caller(json({ device_code: 'made up' }), { url: '/api/v1/auth/device/code' });
    expect(code).toBe('address:203.0.113.7');
  });

  test('who is signed in counts as that user, whatever the body says', () => {
    const user: Principal = {
      kind: 'user',
      user_id: newKeyId(),
      email: 'ada@example.com',
      role: 'user',
      business_id: null,
      session_id: null,
      origin: 'local',
    };
    expect(caller(json({ email: 'eve@example.com' }), { principal: user })).toBe(
      `address:203.0.113.7:user:${user.user_id}`,
    );
  });

  test('a body that names nobody counts for the address', () => {
    const alone = 'address:203.0.113.7';
    for (const body of [
      null,
      json({ email: 7 }),
      json({ email: '   ' }),
      json(null),
      json('email'),
      { type: 'application/json', text: '{"email":' },
      { type: 'text/plain', text: '{"email":"ada@example.com"}' },
      { type: 'multipart/form-data; boundary=x', text: '--x' },
      json({ email: 'ada@example.com', padding: 'x'.repeat(70_000) }),
    ]) {
      expect(caller(body)).toBe(alone);
    }
    expect(caller(json({}), { url: '/auth/v1/token?grant_type=refresh_token' })).toBe(alone);
  });
});

describe('through the gateway', () => {
  const clock = createManualClock();
  let upstream: RawUpstream;
  let gateway: TestGateway;
  let seen: string[] = [];
  beforeAll(async () => {
    await resetNats();
    upstream = await startRawUpstream((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        seen.push(text);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    gateway = await startGateway({
      clock,
      routes: [{ ...limitedRoute('auth', '/auth/v1/token'), surface: 'auth', bodyBytesMax: 1_000 }],
      env: { PARTNER_SERVICE_URL: upstream.url, TRUST_PROXY: 'loopback' },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });
  const send = async (body: { type: string; text: string }, address = '203.0.113.7') => {
    const answer = await fetch(`${gateway.url}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: { 'content-type': body.type, 'x-forwarded-for': address },
      body: body.text,
    });
    await answer.body?.cancel();
    return { status: answer.status, remaining: answer.headers.get('x-ratelimit-remaining'), answer };
  };

  test('30 in a minute of one e-mail from one address; others are not held up; the body goes on whole', async () => {
    const ada = json({ email: 'ada@example.com', password: 'wrong' });
    seen = [];
    for (let sent = 0; sent < 30; sent += 1) {
      expect(await send(ada)).toMatchObject({ status: 200, remaining: String(29 - sent) });
    }
    const refused = await send(ada);
    expect(refused).toMatchObject({ status: 429, remaining: '0' });
    expect(refused.answer.headers.get('retry-after')).toBe('60');
    expect(refused.answer.headers.get('ratelimit')).toBe('"auth";r=0;t=60');
    expect(seen).toEqual(Array.from({ length: 30 }, () => ada.text));
    expect(await send(json({ email: 'eve@example.com' }))).toMatchObject({ status: 200, remaining: '29' });
    expect(await send(ada, '203.0.113.8')).toMatchObject({ status: 200, remaining: '29' });
    clock.advance(60);
    expect(await send(ada)).toMatchObject({ status: 200, remaining: '29' });
  });

  test('a query that could be read in two ways is read as the service reads it', async () => {
    const { port } = new URL(gateway.url);
    const remaining = async (token: string) => {
      const body = JSON.stringify({ email: 'mallory@example.com', refresh_token: token });
      const answer = await sendRaw(Number(port), [
        'POST /auth/v1/token#grant_type=password&?grant_type=refresh_token HTTP/1.1',
        'host: gateway',
        'content-type: application/json',
        `content-length: ${body.length}`,
        'connection: close',
        '',
        body,
      ]);
      return /x-ratelimit-remaining: (\d+)/.exec(answer)?.[1];
    };
    expect([await remaining('one'), await remaining('two')]).toEqual(['29', '28']);
  });

  test('what is refused before its body is read carries the headers too, and takes nothing', async () => {
    const large = json({ email: 'ada@example.com', padding: 'x'.repeat(2_000) });
    expect(await send(large, '203.0.113.9')).toMatchObject({ status: 413, remaining: '30' });
    expect(await send(json({}), '203.0.113.9')).toMatchObject({ status: 200, remaining: '29' });
  });
});
