import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, createCli, makeConfigDir, type RunOptions } from './support/cli.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

/** A receiver that keeps what it gets, as it was on the wire. */
const startReceiver = async () => {
  const requests: { headers: readonly string[]; body: Buffer }[] = [];
  const receiver = {
    status: 200,
    requests,
    url: '',
    stop: () => server.close(),
    /** The last one, as a proxy or a log would have it. */
    raw(change: (body: Buffer) => Buffer = (body) => body): Buffer {
      const { headers, body } = requests.at(-1) ?? { headers: [], body: Buffer.alloc(0) };
      const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
      return Buffer.concat([
        Buffer.from(`POST /hook HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`),
        change(body),
      ]);
    },
  };
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push({ headers: request.rawHeaders, body: Buffer.concat(chunks) });
    response.writeHead(receiver.status).end('said the receiver');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return receiver;
};

/** An administrator has 300 requests a minute, and so has whoever waits in their name. */
const seldom = { intervalMs: 250 };
const OWNER = 'account:0192f0c1-2b3c-7d4e-8f50-617283940a1d';

let gateway: TestGateway;
let cli: Cli;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startTestGateway({ withWebhooks: true });
  const run = createCli({ configDir: makeConfigDir() });
  cli = (args, options) =>
    run(args, { onPause: (seconds) => pause(Math.min(seconds, 0.4) * 1000), ...options });
  let printed = '';
  const signedIn = await cli(['login', '--url', gateway.url], {
    onPrint(text) {
      printed = text;
    },
    onPause: () => gateway.decide(printed, 'approve'),
  });
  expect(signedIn).toMatchObject({ code: 0, err: '' });
}, 120_000);
afterAll(async () => {
  receiver?.stop();
  await gateway?.stop();
});

const json = async (args: readonly string[], options?: RunOptions) => {
  const { code, out, err } = await cli([...args, '--json'], options);
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
  return JSON.parse(out);
};

const makeEndpoint = async (...more: readonly string[]) =>
  json([
    ...['webhooks', 'endpoints', 'create', receiver.url, '--owner', OWNER, '--environment', 'sandbox'],
    ...['--event-types', 'ticket.*,webhook.test', ...more],
  ]);

describe('endpoints', () => {
  it('are made, listed, changed, rotated and deleted, and their secrets are shown once', async () => {
    const args = ['webhooks', 'endpoints', 'create', receiver.url, '--owner', OWNER];
    const made = await json(
      [...args, '--environment', 'sandbox', '--event-types', 'ticket.*', '--headers-stdin'],
      { input: 'X-Token: of the receiver\n' },
    );
    expect(made).toMatchObject({ header_names: ['x-token'], event_types: ['ticket.*'] });
    expect(made.secret).toMatch(/^whsec_/);
    const shown = await cli(['webhooks', 'endpoints', 'show', made.id]);
    expect(shown.out).toContain('x-token');
    expect(shown.out).not.toContain('of the receiver');
    expect(shown.out).not.toContain(made.secret);

    const changed = await json(
      [
        ...['webhooks', 'endpoints', 'update', made.id, '--schedule', '0,5s,1.5,2h', '--rate', '100'],
        ...['--concurrency', '3', '--description', 'of the north', '--to', `${receiver.url}/2`],
        '--headers-stdin',
      ],
      { input: 'X-Token: of the receiver\n' },
    );
    expect(changed).toMatchObject({
      schedule_seconds: [0, 5, 1.5, 7200],
      rate_per_second: 100,
      concurrency: 3,
      url: `${receiver.url}/2`,
      header_names: ['x-token'],
    });
    const back = ['--schedule', 'default', '--rate', 'none', '--headers-stdin'];
    expect(await json(['webhooks', 'endpoints', 'update', made.id, ...back], { input: '' })).toMatchObject({
      schedule_seconds: null,
      rate_per_second: null,
      header_names: [],
    });

    const rotated = await json(['webhooks', 'endpoints', 'rotate', made.id, '--overlap', '2h']);
    expect(rotated.secret).not.toBe(made.secret);
    expect((await cli(['webhooks', 'endpoints', 'show', made.id])).out).toContain('old, signs until');
    expect((await cli(['webhooks', 'endpoints', 'list', '--owner', OWNER])).out).toContain(made.id);
    expect((await cli(['webhooks', 'endpoints', 'delete', made.id])).out).toContain('is deleted');
    expect(await cli(['webhooks', 'endpoints', 'show', made.id])).toMatchObject({ code: 1 });
  });

  it('that are written wrongly are refused with what is wrong, before anything is sent', async () => {
    const create = (...args: string[]) => cli(['webhooks', 'endpoints', 'create', ...args]);
    const refused = (words: string) => ({ code: 2, err: expect.stringContaining(words) });
    expect(await create('https://example.com', '--event-types', '*')).toMatchObject(refused('--owner'));
    expect(await create('https://example.com', '--owner', OWNER)).toMatchObject(refused('--event-types'));
    const all = ['https://example.com', '--owner', OWNER, '--event-types', '*'];
    expect(await create(...all, '--schedule', 'soon')).toMatchObject(refused('--schedule'));
    expect(await create(...all, '--owner', 'somebody')).toMatchObject(
      refused('owner: must be a kind and an id'),
    );
    // What the service refuses is said once, and with the way out.
    expect(await create('http://example.com', ...all.slice(1))).toMatchObject({
      code: 1,
      err: 'Invalid input: url: refused target: only https is allowed here in production; an endpoint of the environment sandbox takes http.',
    });
    expect(await create(...all, '--rate', '999999999')).toMatchObject(refused('rate: '));
    const nothing = ['webhooks', 'endpoints', 'update', OWNER.slice('account:'.length)];
    expect(await cli(nothing)).toMatchObject(refused('Say what to change: --to'));
    expect(
      await cli(['webhooks', 'endpoints', 'create', ...all, '--headers-stdin'], { input: 'nonsense' }),
    ).toMatchObject(refused('Name: value'));
  });

  it('get what they missed while they were disabled', async () => {
    const { id } = await makeEndpoint('--schedule', '0,1h');
    receiver.status = 500;
    const sent = await json(['webhooks', 'endpoints', 'test', id]);
    expect(sent).toMatchObject({ attempt: { outcome: 'failed', http_status: 500 } });
    receiver.status = 200;
    const enable = `switchboard webhooks endpoints enable ${id} --send-missed`;
    const disabled = await cli(['webhooks', 'endpoints', 'disable', id]);
    expect(disabled.out).toContain('is kept for it');
    expect(disabled.out).toContain(enable);
    expect((await cli(['webhooks', 'endpoints', 'show', id])).out).toContain(enable);
    expect(await cli(['webhooks', 'endpoints', 'test', id])).toMatchObject({ code: 1 });
    expect(await json(['webhooks', 'deliveries', 'list', '--endpoint', id, '--status', 'held'])).toHaveLength(
      1,
    );
    // Without --send-missed it stays held, which has to be said: the receiver is well, and nothing comes.
    expect((await cli(['webhooks', 'endpoints', 'enable', id])).out).toContain(
      `stays held; to send it: ${enable}`,
    );
    const enabled = await json(['webhooks', 'endpoints', 'enable', id, '--send-missed', '--rate', '100']);
    expect(enabled.replay).toMatchObject({ kind: 'missed', status: 'completed', total: 1, successful: 1 });
    expect((await cli(['webhooks', 'endpoints', 'enable', id, '--send-missed'])).out).toContain(
      'missed nothing',
    );
    expect((await cli(['webhooks', 'endpoints', 'enable', id])).out).toBe(`Endpoint ${id} is enabled.`);
  });

  it('whose circuit is open say so where a test message waits for it', async () => {
    const { id } = await makeEndpoint('--schedule', '0');
    const test = ['webhooks', 'endpoints', 'test', id, '--no-wait'];
    receiver.status = 500;
    await Promise.all(Array.from({ length: 10 }, () => cli(test)));
    await waitFor(async () => (await json(['webhooks', 'endpoints', 'show', id])).health.circuit_open_until, {
      what: 'its circuit to open',
      ...seldom,
    });
    const { out } = await cli(test);
    receiver.status = 200;
    expect(out).toMatch(/circuit is open after \d+ failures \(HTTP 500\): one attempt is made at 2\S+Z/);
    await cli(['webhooks', 'endpoints', 'delete', id]);
  });
});

describe('deliveries', () => {
  it('are shown with what they say and what was answered, and sent again one by one or all that failed', async () => {
    const { id } = await makeEndpoint('--schedule', '0');
    receiver.status = 503;
    const first = await json(['webhooks', 'endpoints', 'test', id]);
    const second = await json(['webhooks', 'endpoints', 'test', id]);
    receiver.status = 200;
    await waitFor(
      async () =>
        (await json(['webhooks', 'deliveries', 'list', '--endpoint', id, '--status', 'exhausted'])).length ===
        2,
      { what: 'both deliveries to be exhausted', ...seldom },
    );
    const shown = await cli(['webhooks', 'deliveries', 'show', first.delivery_id]);
    expect(shown.out).toMatch(/webhook-id\s+\S+/);
    expect(shown.out).toMatch(/failed\s+HTTP 503/);
    expect(shown.out).toContain('said the receiver');
    expect(shown.out).toContain('{"type":"webhook.test"');

    const one = await cli(['webhooks', 'replay', first.delivery_id]);
    expect(one).toMatchObject({ code: 0, out: expect.stringMatching(/^Attempt 2 succeeded: HTTP 200/) });
    const counted = await json(['webhooks', 'replay', '--endpoint', id, '--dry-run']);
    expect(counted).toMatchObject({ dry_run: true, total: 1 });
    const range = ['--endpoint', id, '--from-sequence', '2', '--to-sequence', '2', '--from', '1h'];
    const replay = await json(['webhooks', 'replay', ...range, '--rate', '100']);
    expect(replay).toMatchObject({ status: 'completed', total: 1, successful: 1, failed: 0 });
    expect((await cli(['webhooks', 'replays', 'list', '--endpoint', id])).out).toContain(replay.id);
    expect((await cli(['webhooks', 'replays', 'show', replay.id])).out).toMatch(/successful\s+1/);
    expect(await cli(['webhooks', 'replays', 'cancel', replay.id])).toMatchObject({ code: 1 });
    const again = await cli([
      'webhooks',
      'replay',
      '--all-failed',
      '--owner',
      OWNER,
      '--event-type',
      'webhook.test',
    ]);
    expect(again.out).toMatch(/total\s+0/);

    const ids = receiver.requests.map(({ headers }) => headers[headers.indexOf('webhook-id') + 1]);
    expect(ids.filter((each) => each === second.message_id)).toHaveLength(2);
    const feed = await cli(['webhooks', 'messages', id, '--after', '1']);
    expect(feed.out).toContain(second.message_id);
    expect(feed.out).not.toContain(first.message_id);
  });

  it('are not sent again by mistake: which, is always said', async () => {
    expect(await cli(['webhooks', 'replay'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--all-failed'),
    });
    const one = ['webhooks', 'replay', OWNER.slice('account:'.length), '--rate', '3'];
    expect(await cli(one)).toMatchObject({ code: 2, err: expect.stringContaining('--rate is for many') });
    expect(await cli(['webhooks', 'replay', '--from-sequence', '3'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^endpoint: /),
    });
  });
});

it('why a receiver refuses a webhook is said step by step, from what it got', async () => {
  const { id, secret } = await makeEndpoint();
  await json(['webhooks', 'endpoints', 'test', id]);
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-cli-'));
  const file = (name: string, content: Buffer | string): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const good = await cli(['webhooks', 'verify', file('request', receiver.raw())]);
  expect(good).toMatchObject({ code: 0, out: expect.stringContaining('A correct receiver takes it.') });
  // A shell puts a line feed behind what it pipes; Content-Length says what was sent.
  const piped = await json(
    ['webhooks', 'verify', '--endpoint', id, '--secret-file', file('secret', `${secret}\n`)],
    {
      input: `${receiver.raw().toString('utf8')}\n`,
    },
  );
  expect(piped).toMatchObject({ valid: true, advice: null });

  const raw = receiver.raw((body) => Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1)));
  const [head = '', body = ''] = raw.toString('utf8').split('\r\n\r\n');
  const changed = await cli([
    'webhooks',
    'verify',
    '--headers',
    file('head', head),
    '--body',
    file('body', body),
  ]);
  expect(changed.out).toContain('A correct receiver refuses it.');
  expect(changed.out).toMatch(/bytes\s+failed/);
  expect(changed.out).not.toContain(secret);
  // As a program has it that kept the headers and printed the body again: longer than Content-Length, and not to be cut.
  const printed = await json(['webhooks', 'verify', file('printed', raw)]);
  expect(printed.steps).toContainEqual(
    expect.objectContaining({
      step: 'bytes',
      ok: false,
      detail: expect.stringContaining(`${Buffer.byteLength(body)}`),
    }),
  );
  expect(await cli(['webhooks', 'verify'], { input: 'webhook-id: 1\n' })).toMatchObject({
    code: 2,
    err: expect.stringContaining('blank line'),
  });
});

it('keys that sign beside the secrets are listed and rotated', async () => {
  const before: unknown[] = await json(['webhooks', 'signing-keys', 'list']);
  const next = await json(['webhooks', 'signing-keys', 'rotate', '--overlap', '1h']);
  expect(next.public_key).toMatch(/^whpk_/);
  expect(await json(['webhooks', 'signing-keys', 'list'])).toHaveLength(before.length + 1);
  expect((await cli(['webhooks', 'signing-keys', 'list'])).out).toContain(next.public_key);
});

it("what a partner's key did is shown: its requests, and its callbacks, which are sent once more", async () => {
  const made = await json(['partner-keys', 'create', 'Acme GmbH']);
  await fetch(`${gateway.url}/api/partner/v1/companies`, {
    headers: { authorization: `Bearer ${made.api_key}`, 'x-api-secret': made.api_secret },
  });
  await waitFor(
    async () =>
      (await json(['partner-keys', 'requests', made.id, '--status', '2xx', '--since', '1h'])).length === 1,
    { what: 'the request in the log', ...seldom },
  );
  expect((await cli(['partner-keys', 'requests', made.id])).out).toContain('/api/partner/v1/companies');
  expect((await cli(['partner-keys', 'webhooks', made.id, '--failed'])).out).toBe('No callbacks.');
  expect((await cli(['partner-keys', 'retry-webhooks', made.id])).out).toMatch(/total\s+0/);
  expect(await cli(['partner-keys', 'retry-webhooks', '--delivery', made.id])).toMatchObject({ code: 1 });
  expect(await cli(['partner-keys', 'retry-webhooks'])).toMatchObject({ code: 2 });
});

describe('help', () => {
  it('shows what there is, group by group', async () => {
    expect((await cli(['webhooks', '--help'])).out).toContain('webhooks endpoints …');
    expect((await cli(['webhooks', 'endpoints', '--help'])).out).toContain(
      'webhooks endpoints rotate <endpoint id>',
    );
    expect(await cli(['webhooks', 'endpoints', 'melt'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no "webhooks endpoints melt"'),
    });
  });
});
