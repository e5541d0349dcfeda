import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type AnyJson, bringTool, freePort, waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';
import { type PublicAddresses, startPublicAddresses } from './support/public-addresses.ts';
import { startUnsteadyLine, type UnsteadyLine } from './support/unsteady-line.ts';

/*
 * The programs of the tickets guide, at the paths and with the variables that it names, and the receivers beside them. The
 * clients come over a line that fails, loses an answer and refuses before it lets a ticket through.
 */
const run = promisify(execFile);
const repositoryDir = new URL('../', import.meta.url).pathname;
const ticketsDir = join(repositoryDir, 'examples/tickets');
const SURFACE = '/functions/v1/integration-tickets';

let platform: Platform;
let line: UnsteadyLine;
let addresses: PublicAddresses;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tickets-examples-'));
  // Once, and before the clock of a test runs: on a fresh machine it is fetched.
  await bringTool('php').catch(() => undefined);
  addresses = await startPublicAddresses();
  platform = await startPlatform(
    { 'webhook-dispatcher': addresses.environment },
    { without: ['partner-service', 'call-service', 'ai-service'] },
  );
  line = await startUnsteadyLine(platform.gatewayUrl);
}, 360_000);
afterAll(async () => {
  for (const child of children) child.kill();
  await platform?.stop();
  await line?.stop();
  await addresses?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** The Node that this machine had before one was brought, if it is another one. */
const oldNode = async (): Promise<string> => {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/local/bin', '/usr/bin']) {
    const program = join(directory, 'node');
    const version = await run(program, ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (version && version !== process.version && Number.parseInt(version.slice(1), 10) >= 18) return program;
  }
  throw new Error('there is no other Node');
};
const isHere = (program: string): Promise<string> => run(program, ['--version']).then(() => program);

/** As the guide says, or the README where the guide has no such program. */
const clients = {
  shell: { program: () => isHere('bash'), path: 'examples/integration_examples.sh', ends: '.sh' },
  'Node.js': {
    program: async () => process.execPath,
    path: 'examples/integration_client.js',
    ends: '.js',
  },
  'an older Node.js': { program: oldNode, path: 'examples/integration_client.js', ends: '.js' },
  Python: { program: () => isHere('python3'), path: 'examples/integration_client.py', ends: '.py' },
  PHP: {
    program: () => bringTool('php'),
    path: 'examples/tickets/integration_client.php',
    ends: '.php',
  },
};
const languages = Object.keys(clients) as (keyof typeof clients)[];

const programOf = async (
  { program }: { readonly program: () => Promise<string> },
  ctx: TestContext,
): Promise<string> =>
  program().catch((error: Error) => {
    console.warn(`NOT TESTED: ${ctx.task.name}, because ${error.message}`);
    return ctx.skip(error.message);
  });

const environmentWith = (token: string, url: string) => ({
  PATH: process.env.PATH,
  PYTHONDONTWRITEBYTECODE: '1',
  INTEGRATION_TOKEN: token,
  INTEGRATION_URL: url,
});

const ask = async (token: string, method: string, path: string, body?: unknown) => {
  const response = await fetch(`${platform.gatewayUrl}${SURFACE}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as AnyJson;
};

describe.concurrent('a client that opens and follows a ticket', () => {
  test.for(languages)(
    '%s: over a bad line one ticket is made, and every change of it is seen',
    {
      timeout: 240_000,
    },
    async (language, ctx) => {
      const { path, ends } = clients[language];
      const program = await programOf(clients[language], ctx);
      const { token } = await platform.createIntegrationToken();
      const url = `${line.url}${SURFACE}`;
      const { stdout, stderr } = await run(program, [path], {
        cwd: repositoryDir,
        env: environmentWith(token, url),
      });
      const { tickets } = await ask(token, 'GET', '/tickets');
      expect(tickets).toMatchObject([
        { status: 'in_progress', priority: 'high', metadata: { source: expect.stringMatching(`${ends}$`) } },
      ]);
      const [{ id }] = tickets;
      const { comments } = await ask(token, 'GET', `/tickets/${id}/comments`);
      expect(stdout.trim().split('\n')).toEqual([
        'health: ok',
        `opened: ${id}`,
        'read: The printer is on fire (open, high)',
        `commented: ${comments[0].id}`,
        'status: in_progress',
        `listed: ${id} is among them`,
        `change 1: ticket.created ${id}`,
        `change 2: ticket.commented ${id}`,
        `change 3: ticket.status_changed ${id}`,
        'nothing was missed: changes 1 to 3',
      ]);
      const opening = line.passages.filter((one) => one.token === token && one.path === `${SURFACE}/tickets`);
      expect(opening.map(({ fate, isReplay }) => [fate, isReplay])).toEqual([
        ['failed', false],
        ['cut', false],
        ['limited', false],
        ['passed', true],
      ]);
      expect(new Set(opening.map(({ key }) => key)).size).toBe(1);
      expect(stderr.match(/^POST \/tickets: .*; again in/gm)).toHaveLength(3);
    },
  );

  test.for(languages)(
    '%s: what the server refuses is said and not tried again',
    {
      timeout: 240_000,
    },
    async (language, ctx) => {
      const program = await programOf(clients[language], ctx);
      const token = `stk_of-nobody-${languages.indexOf(language)}`;
      const env = environmentWith(token, `${line.url}${SURFACE}`);
      const refused = await run(program, [clients[language].path], { cwd: repositoryDir, env }).catch(
        (error: { code: number; stderr: string }) => error,
      );
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('"error":"invalid_token"') });
      expect(line.passages.filter((one) => one.token === token)).toHaveLength(1);
    },
  );

  test.for(languages)(
    '%s: without its variables it says which to set',
    { timeout: 240_000 },
    async (language, ctx) => {
      const program = await programOf(clients[language], ctx);
      const env = { PATH: process.env.PATH };
      const ended = await run(program, [clients[language].path], { cwd: repositoryDir, env }).catch(
        (error: { code: number; stderr: string }) => error,
      );
      expect(ended).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Set INTEGRATION_TOKEN .* INTEGRATION_URL/),
      });
    },
  );
});

const children: ChildProcess[] = [];

/** How each is run, as the README says. */
const receivers = {
  'Node.js': { program: async () => process.execPath, words: () => ['receive_webhooks.js'] },
  Python: { program: () => isHere('python3'), words: () => ['receive_webhooks.py'] },
  PHP: {
    program: () => bringTool('php'),
    words: (port: number) => ['-S', `127.0.0.1:${port}`, 'receive_webhooks.php'],
  },
};
const receiving = Object.keys(receivers) as (keyof typeof receivers)[];

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });

/** A receiver of a token of its own, at an address that the token registered by itself. */
const startReceiverOf = async (language: keyof typeof receivers, ctx: TestContext) => {
  const program = await programOf(receivers[language], ctx);
  const port = await freePort();
  const { token } = await platform.createIntegrationToken();
  const { ticket } = await ask(token, 'POST', '/tickets', { title: 'Before anybody listened' });
  const registered = await ask(token, 'POST', '/webhooks', { url: addresses.urlOf(port) });
  const secret: string = registered.webhook.secret;
  const stateFile = join(dir, `${port}.json`);
  const env = {
    ...environmentWith(token, `${platform.gatewayUrl}${SURFACE}`),
    PORT: String(port),
    WEBHOOK_SECRET: secret,
    STATE_FILE: stateFile,
  };
  // PHP runs for a request at a time: what happened before is for the timetable.
  if (language === 'PHP') await run(program, ['receive_webhooks.php'], { cwd: ticketsDir, env });
  const child = spawn(program, receivers[language].words(port), { cwd: ticketsDir, env });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const waitToSay = (words: string) =>
    waitFor(() => said.includes(words), { what: `${language} to say: ${words}` }).catch((error: Error) => {
      throw new Error(`${error.message}; it said: ${said}`);
    });
  await waitFor(() => isListening(port), { what: `${language} to listen` });
  return { token, secret, port, stateFile, id: String(ticket.id), waitToSay };
};

const post = async (port: number, secret: string, data: unknown, at = new Date()): Promise<number> => {
  const body = JSON.stringify({ type: 'ticket.updated', timestamp: at.toISOString(), data });
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      // A receiver closes what is idle for some seconds, perhaps just when it would be used again.
      connection: 'close',
      'webhook-id': 'msg_of-a-test',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('msg_of-a-test', at, body),
    },
    body,
  });
  return response.status;
};
const anotherSecret = `whsec_${Buffer.from('another secret, of 24 byte').toString('base64')}`;

describe.concurrent('a receiver of webhooks', () => {
  test.for(receiving)(
    '%s: it ends with the tickets as they are, though a webhook was lost',
    {
      timeout: 240_000,
    },
    async (language, ctx) => {
      const { token, secret, port, stateFile, id, waitToSay } = await startReceiverOf(language, ctx);
      const state = async () => JSON.parse(await readFile(stateFile, 'utf8'));
      expect(await state()).toMatchObject({ last: 1, tickets: { [id]: { status: 'open' } } });

      await ask(token, 'POST', `/tickets/${id}/comments`, { content: 'Is anybody there?' });
      await waitToSay(`change 2 by webhook: ticket.commented ${id} open`);

      // Somebody before the receiver takes it and loses it.
      const isThird = (body: string) => JSON.parse(body).data.sequence === 3;
      addresses.loseNext(port, isThird);
      await ask(token, 'PATCH', `/tickets/${id}`, { priority: 'urgent' });
      await waitFor(() => addresses.stored.some((one) => one.port === port && isThird(one.body.toString())), {
        what: 'the webhook that is lost',
      });
      await ask(token, 'PATCH', `/tickets/${id}/status`, { status: 'resolved' });
      await waitToSay('gap: 3 to 3; reading the feed');
      await waitToSay(`change 3 by feed: ticket.updated ${id}`);
      await waitToSay(`change 4 by feed: ticket.status_changed ${id} resolved`);

      // An old one, once more, and by somebody else.
      const stale = { sequence: 3, ticket_id: id, ticket: { id, status: 'open' } };
      expect(await post(port, secret, stale)).toBe(204);
      await waitToSay('known: 3');
      expect(await post(port, secret, { ...stale, sequence: 5 }, new Date(Date.now() - 6 * 60_000))).toBe(
        400,
      );
      await waitToSay('refused: the timestamp is too far from now');
      expect(await post(port, anotherSecret, { ...stale, sequence: 5 })).toBe(400);
      await waitToSay('refused: no signature fits');

      const { ticket } = await ask(token, 'GET', `/tickets/${id}`);
      expect(await state()).toEqual({ last: 4, tickets: { [id]: ticket } });
    },
  );

  test('the shell knows a stored webhook of ours from another, and from an old one', {
    timeout: 240_000,
  }, async () => {
    const { token } = await platform.createIntegrationToken();
    const port = await freePort();
    const { webhook } = await ask(token, 'POST', '/webhooks', { url: addresses.urlOf(port) });
    addresses.loseNext(port);
    await ask(token, 'POST', '/tickets', { title: 'שלום, "stored"', description: 'one\ntwo' });
    const request = await waitFor(() => addresses.stored.find((one) => one.port === port), {
      what: 'a webhook to store',
    });
    const file = join(dir, 'request.txt');
    const lines = request.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`));
    const verify = async (body: Buffer, env: Record<string, string>) => {
      await writeFile(file, Buffer.concat([Buffer.from(`${lines.join('')}\r\n`), body]));
      const ended = await run('bash', [join(ticketsDir, 'verify_webhook.sh'), file], {
        env: { PATH: process.env.PATH, ...env },
      }).catch((error: { stdout: string }) => error);
      return ended.stdout.trim();
    };
    const { secret } = webhook;
    expect(await verify(request.body, { WEBHOOK_SECRET: secret })).toMatch(/^genuine: /);
    expect(await verify(request.body, { WEBHOOK_SECRET: `${anotherSecret} ${secret}` })).toMatch(
      /^genuine: /,
    );
    expect(await verify(request.body, { WEBHOOK_SECRET: anotherSecret })).toBe('refused: no signature fits');
    expect(await verify(Buffer.concat([request.body, Buffer.from('\n')]), { WEBHOOK_SECRET: secret })).toBe(
      'refused: no signature fits',
    );
    expect(await verify(request.body, { WEBHOOK_SECRET: secret, RECEIVED_AT: '1735036800' })).toBe(
      'refused: the timestamp is too far from now',
    );
  });
});
