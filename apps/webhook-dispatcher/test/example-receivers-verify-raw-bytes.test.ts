import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { webhookBody, webhookEvents } from '@switchboard/contracts';
import { bringTool, freePort, waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { ids } from './support/deliveries.ts';

const examplesDir = new URL('../../../examples/webhooks/', import.meta.url).pathname;

/** How each is run, as its README says. */
const examples = {
  'receive.mjs': async () => [process.execPath, 'receive.mjs'],
  'receive-with-library.mjs': async () => [process.execPath, 'receive-with-library.mjs'],
  'receive.py': async () => ['python3', '-B', 'receive.py'],
  'receive.php': async (port: number) => [await bringTool('php'), '-S', `127.0.0.1:${port}`, 'receive.php'],
} satisfies Record<string, (port: number) => Promise<string[]>>;
type Example = keyof typeof examples;
const names = Object.keys(examples) as Example[];
/** The library verifies, and no more. */
const keepsAnInbox = names.filter((name) => name !== 'receive-with-library.mjs');

interface Running {
  readonly url: string;
  readonly endpoint: MadeEndpoint;
  /** What it printed so far. */
  readonly lines: string[];
  said(text: string | RegExp): Promise<string>;
}

let admin: TestAdmin;
let dir: string;
const children: ChildProcess[] = [];
const running = new Map<Example, Running>();
const missing = new Map<Example, string>();

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

const start = async (example: Example): Promise<Running> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const endpoint = await admin.makeEndpoint(url);
  const [program = '', ...words] = await examples[example](port);
  const child = spawn(program, words, {
    cwd: examplesDir,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      WEBHOOK_SECRET: endpoint.secret,
      INBOX_FILE: join(dir, `${example}.json`),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  let faults = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    faults += text;
  });
  const ended = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${example} ended (${code}): ${faults}`)));
  });
  ended.catch(() => undefined);
  await Promise.race([
    waitFor(() => isListening(port), { what: `${example} to listen`, timeoutMs: 60_000 }),
    ended,
  ]);
  return {
    url,
    endpoint,
    lines,
    said: (text) =>
      waitFor(
        () => lines.find((line) => (typeof text === 'string' ? line.includes(text) : text.test(line))),
        { what: `${example} to say ${text}` },
      ),
  };
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'webhook-examples-'));
  admin = await startTestAdmin();
  await Promise.all(
    names.map((name) =>
      start(name).then(
        (one) => running.set(name, one),
        (error: Error) => missing.set(name, error.message),
      ),
    ),
  );
});
afterAll(async () => {
  for (const child of children) child.kill();
  await admin?.close();
  await rm(dir, { recursive: true, force: true });
});

/** The example as it runs; Node's always do, Python and PHP are not on every machine. */
const the = (example: Example, ctx: TestContext): Running => {
  const one = running.get(example);
  if (one) return one;
  const reason = missing.get(example) ?? '';
  if (example.endsWith('.mjs')) throw new Error(reason);
  console.warn(`NOT TESTED: ${example}, because ${reason}`);
  return ctx.skip(reason);
};

/** What careless receivers print differently from how it came. */
const data = {
  text: 'שלום, מדבר דני 🎧 "quoted" \u2028 </script>',
  object: {},
  list: [],
  nothing: null,
  numbers: [0.1, 1e21, 5e-7, -0.5, 12_345_678_901],
};
/** 1.0 is a number that JSON.stringify never prints, and other services may. */
const awkward = (type: string): string => webhookBody(type, new Date(), data).replace('[0.1,', '[1.0,0.1,');

const publish = async (owner: string, eventType: string): Promise<string> => {
  const messageId = ids.next();
  await admin.dispatcher.bus.publishEvent(
    webhookEvents.messagePublished,
    { message_id: messageId, event_type: eventType, owner, environment: 'sandbox', body: awkward(eventType) },
    { source: 'ticket-service' },
  );
  return messageId;
};

/** Sends what a stranger, or a dispatcher, would; signed by the library of Standard Webhooks. */
const post = async (
  { url, endpoint }: Running,
  changes: {
    id?: string;
    sequence?: number;
    at?: Date;
    secrets?: readonly string[];
    signature?: string;
    /** The bytes on the wire, when they are not those that were signed. */
    sent?: (body: string) => string;
  } = {},
): Promise<number> => {
  const { id = ids.next(), sequence = 1, at = new Date(), secrets = [endpoint.secret], sent } = changes;
  const body = awkward('example.posted');
  const signed = secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' ');
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // One that is kept may be closed by the receiver just when the next request goes out.
      connection: 'close',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': changes.signature ?? signed,
      'webhook-sequence': String(sequence),
    },
    body: sent ? sent(body) : body,
  });
  await response.arrayBuffer();
  return response.status;
};

const anotherSecret = `whsec_${Buffer.from('another secret, of 24 byte').toString('base64')}`;
const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

test.for(names)('%s takes what the dispatcher sends, before and after a rotation', async (name, ctx) => {
  const receiver = the(name, ctx);
  const { owner, id } = receiver.endpoint;
  await publish(owner, 'example.first');
  const line = await receiver.said('webhook 1: example.first');
  for (const part of ['שלום, מדבר דני 🎧', '{}', '[]', 'null', '0.1']) expect(line).toContain(part);
  // The receiver still has the old secret only.
  const rotated = await admin.ask('POST', `/endpoints/${id}/rotate`, { overlap_seconds: 3600 });
  expect(rotated.status).toBe(200);
  await publish(owner, 'example.second');
  await receiver.said('webhook 2: example.second');
  expect(receiver.lines.filter((one) => one.startsWith('refused'))).toEqual([]);
});

test.for(names)('%s refuses what was not signed just so, just now, with its secret', async (name, ctx) => {
  const receiver = the(name, ctx);
  expect(await post(receiver)).toBe(204);
  const forgeries: Parameters<typeof post>[1][] = [
    { sent: (body) => body.replace('דני', 'דנה') },
    // The same JSON in other bytes.
    { sent: (body) => body.replace('[1.0,', '[1,') },
    { sent: (body) => JSON.stringify(JSON.parse(body), null, 1) },
    { sent: (body) => body.replace('שלום', '\\u05e9\\u05dc\\u05d5\\u05dd') },
    { sent: (body) => body.replace('{}', '[]') },
    { sent: (body) => `${body}\n` },
    { sent: () => '' },
    { at: minutesAgo(6) },
    { at: minutesAgo(-6) },
    { secrets: [anotherSecret] },
    { signature: '' },
    { signature: 'v1,' },
    { signature: 'v1,AAAA' },
    { signature: `v1a,${Buffer.alloc(64).toString('base64')}` },
  ];
  for (const forgery of forgeries) expect([forgery, await post(receiver, forgery)]).toEqual([forgery, 400]);
  expect(await post(receiver, { at: minutesAgo(4) })).toBe(204);
  // Of several signatures one that fits is enough, wherever it stands.
  expect(await post(receiver, { secrets: [anotherSecret, receiver.endpoint.secret] })).toBe(204);
  expect(await post(receiver, { secrets: [receiver.endpoint.secret, anotherSecret] })).toBe(204);
});

test.for(keepsAnInbox)('%s drops repeats, and says where there is a gap', async (name, ctx) => {
  const receiver = the(name, ctx);
  const id = ids.next();
  expect(await post(receiver, { id, sequence: 11 })).toBe(204);
  expect(await post(receiver, { id, sequence: 11 })).toBe(204);
  await receiver.said(`repeat: ${id}`);
  expect(await post(receiver, { sequence: 14 })).toBe(204);
  await receiver.said('gap: 12 to 13 not here yet');
  // Late, and no gap of its own.
  expect(await post(receiver, { sequence: 12 })).toBe(204);
  expect(await post(receiver, { sequence: 15 })).toBe(204);
  await receiver.said('webhook 15:');
  expect(receiver.lines.filter((line) => line.startsWith('gap: 1')).length).toBe(1);
});
