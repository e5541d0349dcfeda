import type { Bus } from '@switchboard/bus';
import { createManualClock, defineRoute } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, headersOf, type KeyOwner, makeKey } from './support/keys.ts';
import { limitedRoute } from './support/limited.ts';
import { type RawUpstream, startRawUpstream } from './support/upstream.ts';

const clock = createManualClock();
const PATH = '/api/partner/v1/things/:what';
const thing = defineRoute({
  ...limitedRoute('partner', PATH),
  surface: 'partner',
  credentials: ['partner_key'],
  permission: 'companies.write',
});
const slowThing = defineRoute({
  ...thing,
  id: 'test.partner.wait',
  path: '/api/partner/v1/slow/:what',
  timeoutSeconds: 0.2,
});
const readThing = defineRoute({ ...thing, id: 'test.partner.read', method: 'GET' });

let bus: Bus;
let owner: KeyOwner;
let upstream: RawUpstream;
let gateway: TestGateway;
let lonely: TestGateway;
let closed: TestGateway;
beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  // Answers with the status that the path names; or not at all.
  upstream = await startRawUpstream((request, response) => {
    const what = request.url?.split('/').at(-1) ?? '';
    if (what === 'hang') return;
    if (what === 'die') return void request.socket.destroy();
    const error = {
      code: 'ANY_CODE',
      message: 'Any words',
      details: {},
      timestamp: clock.now().toISOString(),
    };
    response.writeHead(Number(what), { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  const routes = [thing, readThing, slowThing];
  const env = { PARTNER_SERVICE_URL: upstream.url, CREDENTIAL_REFUSALS_PER_MINUTE: '5' };
  gateway = await startGateway({ clock, routes, env });
  lonely = await startGateway({
    clock,
    routes,
    env: { PARTNER_SERVICE_URL: 'http://127.0.0.1:9', UPSTREAM_WAIT_SECONDS: '0' },
  });
  closed = await startGateway({ clock, routes, env: { ...env, PARTNER_API_ENABLED: 'false' } });
});
afterAll(async () => {
  for (const each of [gateway, lonely, closed]) await each.close();
  await upstream.close();
  await owner.leave();
  await bus.close();
});

test('every answer of a limited route tells the limit, whatever it is', async () => {
  const good = owner.issue({ limitPerMinute: 1000 });
  const reader = owner.issue({ permissions: ['jobs.read'] });
  const elsewhere = owner.issue({ allowedIps: ['203.0.113.9'] });
  const spent = owner.issue({ limitPerMinute: 1 });
  const wrong = () => headersOf(makeKey('pk_sandbox_'), makeKey('sk_'));
  const send = async (
    what: string,
    headers: Record<string, string>,
    at = gateway,
    init: RequestInit = {},
    path = 'things',
  ) => {
    const answer = await fetch(`${at.url}/api/partner/v1/${path}/${what}`, {
      method: 'POST',
      ...init,
      headers,
    });
    await answer.body?.cancel();
    return answer;
  };
  await send('200', spent.headers);
  const large = { body: 'x'.repeat(1024 * 1024 + 1) };
  const answers: [string, number, Response][] = [
    ['a good one', 200, await send('200', good.headers)],
    ['HEAD', 200, await send('200', good.headers, gateway, { method: 'HEAD' })],
    ['faulty input', 400, await send('400', good.headers)],
    ['nothing presented', 401, await send('200', {})],
    ['a wrong pair', 401, await send('200', wrong())],
    ['another kind', 401, await send('200', { authorization: 'Bearer stk_x' })],
    ['another address', 403, await send('200', elsewhere.headers)],
    ['no permission', 403, await send('200', reader.headers)],
    ['an id that is not there', 404, await send('404', good.headers)],
    ['too large', 413, await send('200', good.headers, gateway, large)],
    ['another media type', 415, await send('415', good.headers)],
    ['over the limit', 429, await send('200', spent.headers)],
    ['the service fails', 500, await send('500', good.headers)],
    ['the service dies', 502, await send('die', good.headers)],
    ['the service is away', 503, await send('200', good.headers, lonely)],
    ['switched off', 503, await send('200', good.headers, closed)],
    ['too slow', 504, await send('hang', good.headers, gateway, {}, 'slow')],
  ];
  for (let tries = 0; tries < 5; tries += 1) await send('200', wrong());
  answers.push(['too many wrong pairs', 429, await send('200', wrong())]);

  for (const [what, status, answer] of answers) {
    expect([what, answer.status]).toEqual([what, status]);
    const header = (name: string) => answer.headers.get(name) ?? '';
    const limit = header('x-ratelimit-limit');
    const remaining = header('x-ratelimit-remaining');
    expect([what, limit, remaining]).toEqual([
      what,
      expect.stringMatching(/^\d+$/),
      expect.stringMatching(/^\d+$/),
    ]);
    const [, policy, quota] = /^"([a-z-]+)";q=(\d+);w=60$/.exec(header('ratelimit-policy')) ?? [];
    const [, named, left, seconds] = /^"([a-z-]+)";r=(\d+);t=(\d+)$/.exec(header('ratelimit')) ?? [];
    expect([what, quota, named, left]).toEqual([what, limit, policy, remaining]);
    const resetInSeconds = Number(header('x-ratelimit-reset')) - clock.now().getTime() / 1000;
    expect([what, resetInSeconds]).toEqual([what, Number(seconds)]);
    if (status === 429) {
      expect([what, remaining, header('retry-after')]).toEqual([what, '0', seconds]);
    }
  }
});
