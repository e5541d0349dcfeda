import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createManualClock, type Principal, principalSchema } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { bearer, createIdentityOwner, type IdentityOwner } from './support/identity.ts';
import { createKeyOwner, type KeyOwner } from './support/keys.ts';
import { createApiKeyOwner, createTokenOwner } from './support/owners.ts';
import { type RawUpstream, startRawUpstream } from './support/upstream.ts';

const MIB = 1024 * 1024;
const PARTNER = '/api/partner/v1/test';
const CALLS = '/api/v1/calls/test';
const TICKETS = '/functions/v1/integration-tickets/tickets';
/** Stands before another service, with connections of its own. */
const ELSEWHERE = '/api/partner/v1/test/elsewhere';
const USERS = '/auth/v1/test/user';

const write = { method: 'POST', bodyBytesMax: 30 * MIB } as const;
const routes = [
  testRoute(PARTNER, ['partner_key'], { surface: 'partner', limitGroup: 'partner' }),
  testRoute(ELSEWHERE, ['partner_key'], { surface: 'partner', service: 'ticket-service' }),
  testRoute(CALLS, ['api_key'], { surface: 'calls' }),
  testRoute(TICKETS, ['integration_token'], { surface: 'tickets' }),
  testRoute(USERS, ['user'], { surface: 'auth' }),
  testRoute(PARTNER, ['partner_key'], { surface: 'partner', limitGroup: 'partner', ...write }),
  testRoute(CALLS, ['api_key'], { surface: 'calls', ...write }),
  testRoute(TICKETS, ['integration_token'], { surface: 'tickets', ...write }),
  testRoute(USERS, ['user'], { surface: 'auth', ...write }),
];

/** A request that came to the service. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal;
  body: string;
  /** All of it came: a service does what it asks for. */
  whole: boolean;
  brokenOff: boolean;
}

const principalOf = ({ headers }: IncomingMessage): Principal => {
  const token = String(headers['x-internal-token']);
  return principalSchema.parse(
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).principal,
  );
};

interface Caller {
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the credential, so that the gateways hear of it. */
  end(): Promise<void>;
}

const clock = createManualClock();
let visits: Visit[] = [];
let service: RawUpstream;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let partnerKeys: KeyOwner;
let apiKeys: ReturnType<typeof createApiKeyOwner>;
let tokens: ReturnType<typeof createTokenOwner>;
let identity: IdentityOwner;
let gateway: TestGateway;
const sockets: Socket[] = [];

const open = (env: Record<string, string> = {}) =>
  startGateway({
    clock,
    routes,
    env: {
      PARTNER_SERVICE_URL: service.url,
      TICKET_SERVICE_URL: service.url,
      CREDENTIAL_REFUSALS_PER_MINUTE: '1000',
      ...env,
    },
  });

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  partnerKeys = createKeyOwner(bus);
  apiKeys = createApiKeyOwner(bus);
  tokens = createTokenOwner(bus);
  identity = createIdentityOwner(bus, clock);
  service = await startRawUpstream((request, response) => {
    const visit = {
      request,
      response,
      principal: principalOf(request),
      body: '',
      whole: false,
      brokenOff: false,
    };
    visits.push(visit);
    request.on('data', (chunk) => {
      visit.body += chunk;
    });
    request.on('end', () => {
      visit.whole = true;
      if (request.headers['x-at-once']) response.end('{}');
    });
    request.on('error', () => {
      visit.brokenOff = true;
    });
  });
});
afterAll(async () => {
  for (const owner of [partnerKeys, apiKeys, tokens, identity]) await owner.leave();
  await bus.close();
  await service.close();
});
beforeEach(async () => {
  visits = [];
  gateway = await open();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.close();
});

const partnerCaller = (options: Parameters<KeyOwner['issue']>[0] = {}) => {
  const pair = partnerKeys.issue(options);
  return { pair, headers: pair.headers, end: () => partnerKeys.refuse(pair, 'disabled') };
};

const kinds: [string, string, () => Caller][] = [
  ['a partner key', PARTNER, partnerCaller],
  [
    'an API key',
    CALLS,
    () => {
      const pair = apiKeys.issue();
      return { headers: pair.headers, end: () => apiKeys.revoke(pair) };
    },
  ],
  [
    'an integration token',
    TICKETS,
    () => {
      const token = tokens.issue();
      return { headers: token.headers, end: () => tokens.revoke(token) };
    },
  ],
  [
    'a session',
    USERS,
    () => {
      const user = identity.signIn();
      return { headers: bearer(user.token), end: () => identity.end(user) };
    },
  ],
];

const ask = (path: string, { headers }: Pick<Caller, 'headers'>, init: RequestInit = {}, at = gateway) =>
  fetch(at.url + path, { ...init, headers: { ...headers, ...init.headers } });

const arrival = async (count = 1): Promise<Visit> => {
  await waitFor(() => visits.length >= count, { what: `request ${count} to come to the service` });
  return visits[count - 1] as Visit;
};

/** Ends the credential, and goes on when the gateway has heard of it and the last check is some seconds old. */
const end = async (path: string, caller: Caller, at = gateway): Promise<void> => {
  await caller.end();
  const probe = async () => {
    const answer = await ask(path, caller, { headers: { 'x-at-once': '1' } }, at);
    await answer.body?.cancel();
    return answer.status === 401;
  };
  await waitFor(probe, { what: 'the gateway to hear of it' });
  visits = visits.filter(({ request }) => !request.headers['x-at-once']);
  clock.advance(2);
};

/** A request over a socket of its own, whose body is written by hand. */
const talk = (path: string, { headers }: Caller, more: readonly string[]) => {
  const conversation = { text: '', write: (bytes: string) => void socket.write(bytes) };
  const socket = connect(gateway.port, '127.0.0.1');
  socket.on('data', (chunk) => {
    conversation.text += chunk;
  });
  socket.on('error', () => {});
  sockets.push(socket);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write([`POST ${path} HTTP/1.1`, 'Host: x', ...lines, ...more].join('\r\n').concat('\r\n\r\n'));
  return conversation;
};
type Conversation = ReturnType<typeof talk>;

const statusOf = async (conversation: Conversation): Promise<number> => {
  await waitFor(() => conversation.text.includes('\r\n\r\n'), { what: 'an answer' });
  return Number(conversation.text.split(' ', 2)[1]);
};

const json = JSON.stringify({ title: 'A ticket', text: 'x'.repeat(500) });
const multipart = (bytes: number): string =>
  [
    '--part',
    'Content-Disposition: form-data; name="file"; filename="a.txt"',
    'Content-Type: text/plain',
    '',
    'y'.repeat(bytes),
    '--part--',
    '',
  ].join('\r\n');
const typeLine = (body: string): string =>
  `Content-Type: ${body.startsWith('--') ? 'multipart/form-data; boundary=part' : 'application/json'}`;

/** Small ones are received whole before anything goes inward, large ones stream. */
const bodies: [string, string, boolean][] = [
  ['JSON', json, false],
  ['a small upload', multipart(1_000), false],
  ['a large upload', multipart(2 * MIB), true],
];

describe('an answer that is waited for', () => {
  test.each(kinds)('is dropped when %s ended meanwhile', async (_what, path, make) => {
    const caller = make();
    const poll = ask(path, caller);
    const { response } = await arrival();
    await end(path, caller);
    response.end('{"subject":"of a ticket"}');
    const answer = await poll;
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await answer.text()).not.toContain('of a ticket');
  });

  test('is dropped whatever it is: to HEAD, an error, one that streams', async () => {
    const answers: [string, (response: ServerResponse) => void][] = [
      ['HEAD', (response) => response.end()],
      ['GET', (response) => response.writeHead(404).end('{"error":{"code":"NOT_FOUND"}}')],
      ['GET', (response) => response.writeHead(204).end()],
      ['GET', (response) => response.writeHead(200).write('z'.repeat(100_000))],
    ];
    for (const [index, [method, answerWith]] of answers.entries()) {
      const caller = partnerCaller();
      const poll = ask(PARTNER, caller, { method });
      const { response } = await arrival(index + 1);
      await end(PARTNER, caller);
      answerWith(response);
      expect((await poll).status).toBe(401);
    }
  });

  test('comes when the credential is still good, though its owner has to be asked again', async () => {
    const caller = partnerCaller({ limitPerMinute: 5 });
    const large = ask(PARTNER, caller);
    const small = ask(PARTNER, caller);
    await arrival(2);
    const before = partnerKeys.questions;
    clock.advance(20);
    visits[0]?.response.write('z'.repeat(50_000));
    visits[0]?.response.end('z'.repeat(MIB));
    visits[1]?.response.end('{}');
    expect((await (await large).text()).length).toBe(50_000 + MIB);
    expect(await (await small).text()).toBe('{}');
    expect(partnerKeys.questions).toBe(before + 1);
  });

  test('comes although nobody can be asked, as long as a verdict is good without', async () => {
    const caller = partnerCaller();
    const poll = ask(PARTNER, caller);
    const { response } = await arrival();
    await partnerKeys.leave();
    clock.advance(20);
    response.end('{}');
    expect((await poll).status).toBe(200);
    partnerKeys.comeBack();
  });

  test('to a write comes in any case: it has had its effect', async () => {
    const caller = partnerCaller();
    const call = ask(PARTNER, caller, { method: 'POST', body: json });
    const { response } = await arrival();
    await end(PARTNER, caller);
    response.writeHead(201).end('{"id":1}');
    const answer = await call;
    expect([answer.status, await answer.text()]).toEqual([201, '{"id":1}']);
  });

  test('is dropped without being counted again, as a request or as a guess', async () => {
    await gateway.close();
    gateway = await open({ CREDENTIAL_REFUSALS_PER_MINUTE: '2' });
    const caller = partnerCaller({ limitPerMinute: 10 });
    const poll = ask(PARTNER, caller);
    const { response } = await arrival();
    // The probe of `end` is refused once.
    await end(PARTNER, caller);
    response.end('{}');
    const answer = await poll;
    expect([answer.status, answer.headers.get('x-ratelimit-remaining')]).toEqual([401, '9']);
    // Of a pair that is not known here its owner is asked, unless too many were refused.
    const other = await ask(PARTNER, partnerCaller(), { headers: { 'x-at-once': '1' } });
    expect(other.status).toBe(200);
  });
});

describe('a body that comes slowly', () => {
  const cases = kinds.flatMap(([kind, path, make]) =>
    bodies.map(([what, body, streams]) => [what, kind, path, make, body, streams] as const),
  );
  test.each(cases)(
    '%s with %s that ended meanwhile has no effect',
    async (_what, _kind, path, make, body, streams) => {
      const caller = make();
      const upload = talk(path, caller, [typeLine(body), `Content-Length: ${body.length}`]);
      upload.write(body.slice(0, 200));
      if (streams) await arrival();
      else await waitFor(() => gateway.app.kit.traffic.inFlight === 1, { what: 'the request' });
      await end(path, caller);
      upload.write(body.slice(200));
      expect(await statusOf(upload)).toBe(401);
      if (streams)
        await waitFor(() => visits[0]?.brokenOff, { what: 'the service to be left with half a request' });
      expect(visits.filter(({ whole }) => whole)).toEqual([]);
    },
  );

  test('has none either when only its end is missing', async () => {
    const body = multipart(2 * MIB);
    const length = `Content-Length: ${body.length}`;
    const chunked = 'Transfer-Encoding: chunked';
    const endings: [string, (bytes: string) => string, string][] = [
      [length, (bytes) => bytes, body.slice(-1)],
      [chunked, (bytes) => `${bytes.length.toString(16)}\r\n${bytes}\r\n`, '0\r\n\r\n'],
    ];
    for (const [index, [line, frame, last]] of endings.entries()) {
      const caller = partnerCaller();
      const upload = talk(PARTNER, caller, [typeLine(body), line]);
      upload.write(frame(line === length ? body.slice(0, -1) : body));
      const visit = await arrival(index + 1);
      await waitFor(() => visit.body.length >= body.length - 1, { what: 'all but the end' });
      await end(PARTNER, caller);
      upload.write(last);
      expect(await statusOf(upload)).toBe(401);
      await waitFor(() => visit.brokenOff, { what: 'the service to be left with half a request' });
      expect(visit.whole).toBe(false);
    }
  });

  test.each(bodies)(
    '%s has its effect once when the credential is still good',
    async (_what, body, streams) => {
      const caller = partnerCaller({ limitPerMinute: 5 });
      const upload = talk(PARTNER, caller, [typeLine(body), `Content-Length: ${body.length}`]);
      upload.write(body.slice(0, 200));
      if (streams) await arrival();
      else await waitFor(() => gateway.app.kit.traffic.inFlight === 1, { what: 'the request' });
      for (let at = 200; at < body.length; at += Math.ceil(body.length / 3)) {
        // Longer than the owner's word is good for without asking.
        clock.advance(20);
        upload.write(body.slice(at, at + Math.ceil(body.length / 3)));
      }
      const visit = await arrival();
      await waitFor(() => visit.whole, { what: 'the whole body' });
      expect(visit.body).toBe(body);
      visit.response.writeHead(201).end('{}');
      expect(await statusOf(upload)).toBe(201);
      expect(visits).toHaveLength(1);
      const next = await ask(PARTNER, caller, { headers: { 'x-at-once': '1' } });
      // Within the minute of the clock a second request is the second.
      expect(Number(next.headers.get('x-ratelimit-remaining'))).toBeGreaterThanOrEqual(3);
    },
  );

  test('goes inward in the name of who its caller is by then', async () => {
    const user = identity.signIn({ role: 'super_admin' });
    const caller = { headers: bearer(user.token), end: () => identity.end(user) };
    const upload = talk(USERS, caller, [typeLine(json), `Content-Length: ${json.length}`]);
    upload.write(json.slice(0, 200));
    await waitFor(() => gateway.app.kit.traffic.inFlight === 1, { what: 'the request' });
    await identity.changeRole(user, 'user');
    clock.advance(20);
    upload.write(json.slice(200));
    expect((await arrival()).principal).toMatchObject({ kind: 'user', role: 'user' });
  });
});

describe('a write that waits for a connection', () => {
  const queue = async (caller: Caller) => {
    await gateway.close();
    gateway = await open({ UPSTREAM_CONNECTIONS_MAX: '1' });
    const first = ask(PARTNER, partnerCaller());
    const { response } = await arrival();
    const second = ask(PARTNER, caller, { method: 'POST', body: json });
    await waitFor(() => gateway.app.kit.traffic.inFlight === 2, { what: 'the second request' });
    const goOn = async () => {
      response.end('{}');
      await (await first).text();
    };
    return { second, goOn };
  };

  test('is not sent when its credential ended meanwhile', async () => {
    const caller = partnerCaller();
    const { second, goOn } = await queue(caller);
    await end(ELSEWHERE, caller);
    await goOn();
    expect((await second).status).toBe(401);
    expect(visits.filter(({ request }) => request.method === 'POST')).toEqual([]);
  });

  test('is sent once when it is still good, though its owner has to be asked again', async () => {
    const { second, goOn } = await queue(partnerCaller());
    clock.advance(20);
    await goOn();
    const posted = () => visits.filter(({ request }) => request.method === 'POST');
    await waitFor(() => posted()[0]?.whole, { what: 'the write' });
    posted()[0]?.response.writeHead(201).end('{}');
    expect((await second).status).toBe(201);
    expect(posted()).toHaveLength(1);
  });
});
