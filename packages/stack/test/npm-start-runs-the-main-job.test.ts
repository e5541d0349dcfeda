import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { deriveWebhookSecret, serviceNames } from '@switchboard/contracts';
import { freePort, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTicketsClient, provideDemoTickets } from '../src/demo/tickets.ts';
import { readJson } from '../src/local/files.ts';
import { startMarkOf } from '../src/process/identity.ts';
import { runPath } from './support/run-path.ts';

const runScript = fileURLToPath(new URL('../../../scripts/run.mjs', import.meta.url));
const commandLine = fileURLToPath(new URL('../../cli/bin/switchboard.mjs', import.meta.url));
const startEntry = 'packages/stack/src/start.ts';

const OPERATORS_SECRET = 'a-webhook-secret-that-is-the-operators-own';
const OPERATORS_ENCRYPTION_KEY = 'an-identity-encryption-key-of-the-operators-own';

interface DemoFile {
  baseUrl: string;
  partner: { key: string; secret: string; webhookSecret: string };
  partnerProduction: { key: string; secret: string; webhookSecret: string };
  anonKey: string;
  admin: { email: string; password: string };
  user: { email: string; password: string };
  apiKey: { key: string; secret: string };
  integrationToken: string;
  webhookEndpoint: { id: string; secret: string };
  webhookSink: string;
  services: Record<string, { url: string; pid: number }>;
}

let dir: string;
let environment: NodeJS.ProcessEnv;
let stack: ChildProcess;
let output = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-start-'));
  // Postgres may have to run as another user, who must get in.
  await chmod(dir, 0o755);
  const ports = serviceNames.map((name) => `${name.toUpperCase().replaceAll('-', '_')}_PORT`);
  environment = {
    PATH: runPath(),
    HOME: dir,
    SWITCHBOARD_LOCAL_DIR: join(dir, '.local'),
    LLM_DISCOVERY: 'false',
    WEBHOOK_SECRET: OPERATORS_SECRET,
    IDENTITY_ENCRYPTION_KEY: OPERATORS_ENCRYPTION_KEY,
  };
  for (const name of ['PORT', ...ports, 'WEBHOOK_SINK_PORT', 'POSTGRES_PORT', 'NATS_PORT']) {
    environment[name] = String(await freePort());
  }
  stack = start();
  stack.stdout?.on('data', (chunk) => {
    output += chunk;
  });
});

afterAll(async () => {
  if (stack.exitCode === null) {
    stack.kill('SIGTERM');
    await once(stack, 'exit');
  }
  await rm(dir, { recursive: true, force: true });
});

test('one command ends with the finished callback of a bundled recording, its signature verified', async () => {
  await waitFor(
    () => /Its callback arrived at|did not come through/.test(output) || stack.exitCode !== null,
    {
      what: 'the screen at the end of the start',
      timeoutMs: 480_000,
      intervalMs: 200,
    },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${output.slice(-4_000)}`);
  });
  expect(output).toMatch(/was analysed in [\d.]+ s: overall score \d+(\.\d)? of 10/);
  await waitFor(() => output.includes('signature verified (sandbox secret)'), {
    what: 'the verdict on the signature',
  });
}, 520_000);

test('tools find addresses, keys and process ids in .local/demo.json, which only its owner may read', async () => {
  const demo = await demoFile();
  expect(Object.keys(demo.services).sort()).toEqual([
    'ai-service',
    'call-service',
    'gateway',
    'identity-service',
    'partner-service',
    'ticket-service',
    'webhook-dispatcher',
  ]);
  for (const { pid } of Object.values(demo.services)) expect(startMarkOf(pid)).toBeDefined();
  expect(demo.partner.key).toMatch(/^pk_sandbox_/);
  expect(demo.partnerProduction.key).toMatch(/^pk_production_/);
  const answer = await fetch(`${demo.baseUrl}/api/partner/v1/companies`, {
    headers: { authorization: `Bearer ${demo.partner.key}`, 'x-api-secret': demo.partner.secret },
  });
  expect(await answer.json()).toMatchObject({ companies: [{ name: 'Demo Insurance' }], total: 1 });
});

test('administrator, user, API key and integration token of the demo file work', async () => {
  const demo = await demoFile();
  const ask = async (path: string, headers: Record<string, string>, body?: unknown) => {
    const response = await fetch(`${demo.baseUrl}${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const signIn = async (login: { email: string; password: string }) => {
    const answer = await ask('/auth/v1/token?grant_type=password', { apikey: demo.anonKey }, login);
    expect(answer.status).toBe(200);
    return { apikey: demo.anonKey, authorization: `Bearer ${answer.body.access_token}` };
  };
  const [admin, user] = [await signIn(demo.admin), await signIn(demo.user)];
  expect((await ask('/api/admin/v1/users', admin)).status).toBe(200);
  expect((await ask('/api/admin/v1/users', user)).status).toBe(403);
  const keys = await ask('/api/admin/v1/api-keys', admin);
  expect(demo.apiKey.key).toMatch(/^ak_/);
  expect(demo.apiKey.secret).toMatch(/^as_/);
  expect(JSON.stringify(keys.body)).toContain(demo.apiKey.key.slice(0, 12));
  const tickets = await ask('/functions/v1/integration-tickets/', {
    authorization: `Bearer ${demo.integrationToken}`,
  });
  expect(tickets).toMatchObject({ status: 200, body: { status: 'ok' } });
});

test('a call by the API key of the demo file is in its log, beside those that the first start made', async () => {
  const { baseUrl, apiKey } = await demoFile();
  const headers = {
    'x-api-key': apiKey.key,
    'x-api-secret': apiKey.secret,
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ name: 'John Doe', phone: '+15005550001', callType: 'outbound' });
  const started = await fetch(`${baseUrl}/api/v1/calls`, { method: 'POST', headers, body });
  expect(started.status).toBe(201);
  const { data } = (await started.json()) as { data: { callId: string; wsUrl: string } };
  expect(data.wsUrl).toContain(`${baseUrl.replace('http', 'ws')}/api/v1/ws/calls/${data.callId}?ticket=tk_`);
  const reasons = await waitFor(
    async () => {
      const answer = await fetch(`${baseUrl}/api/v1/call-logs`, { headers });
      const { data: log } = (await answer.json()) as { data: { calls: { reason: string | null }[] } };
      return log.calls.every(({ reason }) => reason) && log.calls.map(({ reason }) => reason);
    },
    // A key has 100 requests a minute.
    { what: 'the calls to be over', intervalMs: 1_000 },
  );
  expect(reasons.toSorted()).toEqual(['busy', 'busy', 'remote_hangup', 'unreachable']);
});

test('the token of the demo file sees tickets in several states, and of those who work on them what they say to it', async () => {
  const { baseUrl, integrationToken } = await demoFile();
  const ask = async (path: string) => {
    const response = await fetch(`${baseUrl}/functions/v1/integration-tickets${path}`, {
      headers: { authorization: `Bearer ${integrationToken}` },
    });
    return response.json() as Promise<{
      tickets: { id: string; title: string; status: string }[];
      comments: { content: string; author: string }[];
    }>;
  };
  const { tickets } = await ask('/tickets');
  expect(tickets.map(({ status }) => status)).toEqual(['open', 'in_progress', 'waiting', 'resolved']);
  // Another start finds them.
  const tokens = createTicketsClient(baseUrl, integrationToken);
  await provideDemoTickets(tokens, { admin: tokens, calls: tokens });
  expect(await ask('/tickets')).toMatchObject({ tickets: tickets.map(({ id }) => ({ id })) });
  const { comments } = await ask(`/tickets/${tickets[1]?.id}/comments`);
  expect(comments).toMatchObject([{ author: 'Support', content: 'We are looking into it.' }]);
});

/** What a command of this checkout prints, as JSON. */
const runCommand = async (...words: string[]) => {
  const command = spawn(process.execPath, [commandLine, ...words, '--json'], {
    env: { ...environment, XDG_CONFIG_HOME: join(dir, 'config') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await Promise.all([text(command.stdout), once(command, 'exit')]);
  return JSON.parse(printed);
};

test('the command line administers the running stack without signing in first', async () => {
  const users: { email: string }[] = await runCommand('users', 'list');
  expect(users.map(({ email }) => email).sort()).toEqual(['admin@example.com', 'user@example.com']);
});

test('a test message to the endpoint of the demo arrives, and its signature is verified', async () => {
  const { webhookEndpoint } = await demoFile();
  const sent = await runCommand('webhooks', 'endpoints', 'test', webhookEndpoint.id);
  expect(sent).toMatchObject({ attempt: { outcome: 'succeeded', http_status: 200 } });
  await waitFor(() => output.includes(`message ${sent.message_id}: signature verified (demo endpoint)`), {
    what: 'the verdict of the receiver',
  });
});

test('a secret that the operator brings is used, and not kept for the next start', async () => {
  const demo = await demoFile();
  const kept = JSON.parse(await readFile(join(dir, '.local/secrets.json'), 'utf8'));
  expect(kept.demoKeys.sandbox.webhookSecret).toBe(demo.partner.webhookSecret);
  expect(demo.partner.webhookSecret).toBe(
    deriveWebhookSecret(OPERATORS_SECRET, { keyId: kept.demoKeys.sandbox.keyId, version: 1 }),
  );
  expect(JSON.stringify(kept)).not.toContain(OPERATORS_SECRET);
  expect(JSON.stringify(kept)).not.toContain(OPERATORS_ENCRYPTION_KEY);
  expect(JSON.stringify(demo)).not.toContain(OPERATORS_ENCRYPTION_KEY);
});

test('a second start says that one runs already, and leaves it alone', async () => {
  const second = start();
  let words = '';
  second.stderr?.on('data', (chunk) => {
    words += chunk;
  });
  const [code] = await once(second, 'close');
  expect(code).toBe(1);
  expect(words).toContain('runs already at http://localhost:');
  expect((await fetch(`${(await demoFile()).baseUrl}/health`)).status).toBe(200);
});

test('a service that is killed is back under another process id, which tools can see', async () => {
  const before = (await demoFile()).services['partner-service'];
  process.kill(before?.pid ?? 0, 'SIGKILL');
  const after = await waitFor(
    async () => {
      const now = (await demoFile()).services['partner-service'];
      return now?.pid && now.pid !== before?.pid && (await fetch(`${now.url}/readyz`)).ok && now;
    },
    { what: 'partner-service to be back', timeoutMs: 60_000 },
  );
  expect(after.url).toBe(before?.url);
});

test('SIGTERM ends everything in order and leaves no process', async () => {
  const demo = await demoFile();
  const postgres = Number(
    (await readFile(join(dir, '.local/postgres/postmaster.pid'), 'utf8')).split('\n')[0],
  );
  const pids = [...Object.values(demo.services).map(({ pid }) => pid), postgres];
  stack.kill('SIGTERM');
  const [code] = await once(stack, 'exit');
  expect(code).toBe(0);
  expect(pids.filter((pid) => startMarkOf(pid) !== undefined)).toEqual([]);
  await waitFor(() => output.includes('Everything has ended.'), { what: 'its last words' });
  await expect(demoFile()).rejects.toThrow();
});

function start(): ChildProcess {
  return spawn(process.execPath, [runScript, startEntry], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function demoFile(): Promise<DemoFile> {
  const demo = await readJson(join(dir, '.local/demo.json'));
  if (isDemoFile(demo)) return demo;
  throw new Error('there is no demo.json');
}

function isDemoFile(value: unknown): value is DemoFile {
  return typeof value === 'object' && value !== null && 'services' in value && 'partner' in value;
}
