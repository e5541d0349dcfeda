import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bringTool } from '@switchboard/stack/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame } from './support/call-socket.ts';
import { openCallSocket } from './support/call-socket.ts';
import { keyHeaders, rehearsal } from './support/calls-client.ts';
import { type ApiKeyCredentials, type Platform, startPlatform } from './support/platform.ts';

/*
 * The class of the calls guide to the letter but for the address it talks to, in Node as a server uses it and in Chromium on
 * a page of another origin, where every request with the two headers of the guide is preflighted.
 */
const guideText = readFileSync(new URL('./support/calls-guide/call-manager.txt', import.meta.url), 'utf8');

interface CallManager {
  onCallInitialized(event: Frame): void;
  onCallConnected(event: Frame): void;
  onCallEnded(event: Frame): void;
  onCallError(event: Frame): void;
  initializeCall(customerName: string, phoneNumber: string): Promise<string>;
  endCall(callId: string): Promise<void>;
  getCallHistory(filters?: Readonly<Record<string, string>>): Promise<History>;
}
interface History {
  readonly success: boolean;
  readonly data: { readonly calls: readonly Readonly<Record<string, unknown>>[] };
}
type CallManagerClass = new (apiKey: string, apiSecret: string) => CallManager;

interface Conversation {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly name: string;
  readonly phone: string;
}

/** What a reader of the guide writes around its class. Goes into the page as text: it uses nothing of this file. */
const holdConversation = async (
  Manager: CallManagerClass,
  { apiKey, apiSecret, name, phone }: Conversation,
) => {
  const manager = new Manager(apiKey, apiSecret);
  const events: Frame[] = [];
  const keep = (event: Frame) => void events.push(event);
  const connected = new Promise<void>((resolve) => {
    manager.onCallConnected = (event) => resolve(keep(event));
  });
  const ended = new Promise<void>((resolve) => {
    manager.onCallEnded = (event) => resolve(keep(event));
  });
  manager.onCallInitialized = keep;
  manager.onCallError = keep;
  const callId = await manager.initializeCall(name, phone);
  if ((await Promise.race([connected.then(() => 'connected'), ended.then(() => 'ended')])) === 'connected') {
    await manager.endCall(callId);
    await manager.endCall(callId);
  }
  await ended;
  return { callId, events };
};

const askHistory = (
  Manager: CallManagerClass,
  {
    apiKey,
    apiSecret,
    filters,
  }: Pick<Conversation, 'apiKey' | 'apiSecret'> & { filters: Record<string, string> },
) => new Manager(apiKey, apiSecret).getCallHistory(filters);

const failToCall = (
  Manager: CallManagerClass,
  { apiKey, apiSecret }: Pick<Conversation, 'apiKey' | 'apiSecret'>,
) =>
  new Manager(apiKey, apiSecret).initializeCall('John Doe', '+1234567890').then(
    () => 'no error',
    (error: Error) => error.message,
  );

/** Headers that a page may read only where the gateway says so. */
const readLimit = async (
  _: CallManagerClass,
  { url, apiKey, apiSecret }: Pick<Conversation, 'apiKey' | 'apiSecret'> & { url: string },
) => {
  const { headers } = await fetch(url, { headers: { 'X-API-Key': apiKey, 'X-API-Secret': apiSecret } });
  return ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'].map((name) =>
    Number(headers.get(name) ?? 'missing'),
  );
};

const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
];

let platform: Platform;
let credentials: ApiKeyCredentials;
let classText: string;
let site: Server;
let browser: Browser | undefined;
let page: Page;
let missing = '';

beforeAll(async () => {
  const executablePath = await bringTool('chromium').catch((error: Error) => {
    missing = error.message;
    console.warn(`NOT TESTED: the calls guide in a browser, because ${missing}`);
    return undefined;
  });
  platform = await startPlatform(
    {},
    { without: ['partner-service', 'ticket-service', 'ai-service', 'webhook-dispatcher'] },
  );
  credentials = await platform.createApiKey();
  classText = guideText.replace('https://your-domain', platform.gatewayUrl);
  site = createServer((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end(`<!doctype html><title>A page</title><script>${classText}</script>`);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  if (!executablePath) return;
  browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS, timeout: 120_000 });
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
}, 300_000);
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  site?.closeAllConnections();
  site?.close();
});

/** What the class writes to the console is for whoever reads along. */
const silent = { log: () => undefined, error: () => undefined };

type Work<Options, Result> = (Manager: CallManagerClass, options: Options) => Promise<Result>;
const inNode = <Options, Result>(work: Work<Options, Result>, options: Options): Promise<Result> =>
  work(new Function('console', `${classText}\nreturn CallManager;`)(silent) as CallManagerClass, options);
const inChromium = <Options, Result>(work: Work<Options, Result>, options: Options): Promise<Result> =>
  page.evaluate<Result>(`(${work})(CallManager, ${JSON.stringify(options)})`);

describe.each([
  ['a server', inNode],
  ['a page on another origin', inChromium],
] as const)('%s', (where, run) => {
  const login = () => ({ apiKey: credentials.key, apiSecret: credentials.secret });

  test('calls, is told of each step, hangs up, and finds the call in the history', async (ctx) => {
    ctx.skip(where !== 'a server' && !browser, missing);
    const name = `John Doe at ${where}`;
    const { callId, events } = await run(holdConversation, { ...login(), name, phone: '+1234567890' });
    expect(callId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(events).toMatchObject([
      {
        type: 'call.initialized',
        callId,
        sequence: 1,
        data: { name, phone: '+1234567890', callType: 'inbound' },
      },
      { type: 'call.connected', callId, data: { connectedAt: expect.any(String) } },
      { type: 'call.ended', callId, data: { reason: 'hangup', duration: expect.any(Number) } },
    ]);

    const ended = events.at(-1);
    const day = events[0]?.timestamp.slice(0, 10) ?? '';
    for (const filters of [
      { customerName: 'john doe AT', ani: '1234567890' },
      { customerName: name, ani: '+1234567890', startDate: day, endDate: day },
    ]) {
      const history = await run(askHistory, { ...login(), filters });
      expect(history).toMatchObject({ success: true });
      expect(history.data.calls.find((call) => call.callId === callId)).toEqual(
        expect.objectContaining({
          customerName: name,
          ani: '+1234567890',
          callType: 'inbound',
          startTime: events[0]?.timestamp,
          endTime: ended?.data.endTime,
          duration: ended?.data.duration,
          status: 'ended',
          actions: [],
        }),
      );
    }
    const other = { customerName: 'somebody else', startDate: '2024-01-01', endDate: '2024-01-31' };
    expect(await run(askHistory, { ...login(), filters: other })).toMatchObject({ data: { calls: [] } });
  });

  test('is told why a call came to nothing', async (ctx) => {
    ctx.skip(where !== 'a server' && !browser, missing);
    const { events } = await run(holdConversation, {
      ...login(),
      name: 'Nobody',
      phone: rehearsal.unreachable,
    });
    expect(events.slice(-2)).toMatchObject([
      { type: 'call.error', data: { code: 'unreachable', message: expect.any(String) } },
      { type: 'call.ended', data: { reason: 'unreachable' } },
    ]);
  });

  test('with a wrong key reads in words what is wrong, and with a right one how much it may ask', async (ctx) => {
    ctx.skip(where !== 'a server' && !browser, missing);
    const wrong = { apiKey: 'your_api_key', apiSecret: 'your_api_secret' };
    expect(await run(failToCall, wrong)).toMatch(/API key/i);
    expect(await run(failToCall, { ...login(), apiSecret: 'another' })).toMatch(/API key/i);
    const url = `${platform.gatewayUrl}/api/v1/call-logs`;
    const [limit = 0, remaining = 0, seconds = 0] = await run(readLimit, { ...login(), url });
    expect(limit).toBe(100);
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThan(100);
    // The guide: time until the limit resets.
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });
});

test("the guide's requests and its socket, to the letter", async () => {
  const json = { ...keyHeaders(credentials), 'content-type': 'application/json' };
  const url = `${platform.gatewayUrl}/api/v1`;
  const started = await fetch(`${url}/calls`, {
    method: 'POST',
    headers: json,
    body: '{\n  "name": "Customer Name",\n  "phone": "+1234567890",\n  "callType": "inbound"\n}',
  });
  expect(started.status).toBe(201);
  const { data } = (await started.json()) as { data: { callId: string; wsUrl: string } };
  expect(data.wsUrl.split('?')[0]).toBe(`${url.replace('http', 'ws')}/ws/calls/${data.callId}`);

  // The bare path: a server sends its two headers; whoever sends nothing is told why, in the guide's code.
  const server = openCallSocket(
    `${url.replace('http', 'ws')}/ws/calls/${data.callId}`,
    keyHeaders(credentials),
  );
  const nobody = openCallSocket(`${url.replace('http', 'ws')}/ws/calls/${data.callId}`);
  expect((await server.waitForFrame('call.initialized')).callId).toBe(data.callId);
  expect((await nobody.waitForClose()).code).toBe(4401);
  expect(nobody.frames).toMatchObject([{ type: 'call.error', data: { code: 'UNAUTHORIZED' } }]);

  // Announced as JSON, with no body.
  const end = () => fetch(`${url}/calls/${data.callId}/end`, { method: 'POST', headers: json });
  const ended = await end();
  expect(ended.status).toBe(200);
  const answer = await ended.json();
  expect(answer).toMatchObject({ success: true, data: { callId: data.callId, status: 'ended' } });
  expect(await (await end()).json()).toEqual(answer);
  await server.waitForFrame('call.ended');
  await server.close();

  // A + that nobody encoded is a space.
  const history = await fetch(`${url}/call-logs?customerName=Customer&ani=+1234567890`, {
    headers: keyHeaders(credentials),
  });
  expect(await history.json()).toMatchObject({ success: true, data: { calls: [{ callId: data.callId }] } });

  // A credential of another kind is one that fails: the guide has one code for that.
  const partner = await fetch(`${url}/call-logs`, { headers: { authorization: 'Bearer pk_sandbox_x' } });
  expect([partner.status, await partner.json()]).toMatchObject([401, { error: { code: 'UNAUTHORIZED' } }]);

  const unknown = await fetch(`${url}/calls/${crypto.randomUUID()}/end`, { method: 'POST', headers: json });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toEqual({
    success: false,
    error: { code: 'CALL_NOT_FOUND', message: expect.any(String), details: expect.any(Object) },
  });
});
