import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, resetNats, waitFor } from '@switchboard/stack/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectTestBus, INTERNAL_TOKEN_SECRET, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner, type TestPair } from './support/keys.ts';
import { startRawUpstream } from './support/upstream.ts';

const MAIN = fileURLToPath(new URL('./support/partner-service-main.ts', import.meta.url));

let dir: string;
let effectsFile: string;
let port: number;
let running: ChildProcess;
let gateway: TestGateway;
let owner: KeyOwner;
let pair: TestPair;
let bus: Awaited<ReturnType<typeof connectTestBus>>;

const launch = (): ChildProcess =>
  spawn(process.execPath, [MAIN], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'silent',
      EFFECTS_FILE: effectsFile,
      INTERNAL_TOKEN_SECRET,
    },
  });

const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;

const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  const gone = once(running, 'exit');
  running.kill(signal);
  await gone;
};

beforeEach(async () => {
  await resetNats();
  dir = await mkdtemp(join(tmpdir(), 'switchboard-gateway-'));
  effectsFile = join(dir, 'effects');
  await writeFile(effectsFile, '');
  port = await freePort();
  running = launch();
  await waitFor(isReady, { what: 'the service' });
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  pair = owner.issue({ limitPerMinute: 1_000_000 });
  gateway = await startGateway({ env: { PARTNER_SERVICE_URL: `http://127.0.0.1:${port}` } });
});
afterEach(async () => {
  if (running.exitCode === null && running.signalCode === null) await end('SIGKILL');
  await gateway.close();
  await owner.leave();
  await bus.close();
  await rm(dir, { recursive: true, force: true });
});

interface Answers {
  readonly get: number[];
  /** By the name each request gave its company. */
  readonly post: Map<string, number>;
  readonly postWithKey: Map<string, number>;
}

/** Callers who ask one request after the other until told to stop. */
const keepAsking = () => {
  const answers: Answers = { get: [], post: new Map(), postWithKey: new Map() };
  let going = true;
  let sent = 0;
  const base = `${gateway.url}/api/partner/v1`;
  const ask = async (path: string, init: RequestInit): Promise<number> => {
    const response = await fetch(base + path, init);
    await response.text();
    return response.status;
  };
  const create = async (into: Map<string, number>, withKey: boolean): Promise<void> => {
    sent += 1;
    const name = `${withKey ? 'keyed' : 'plain'}-${sent}`;
    const status = await ask('/companies/create', {
      method: 'POST',
      headers: {
        ...pair.headers,
        'content-type': 'application/json',
        ...(withKey ? { 'idempotency-key': name } : {}),
      },
      body: JSON.stringify({ name, contact_email: 'a@b.co' }),
    });
    into.set(name, status);
  };
  const loop = async (step: () => Promise<unknown>) => {
    while (going) await step();
  };
  const callers = [
    ...Array.from({ length: 4 }, () =>
      loop(async () => answers.get.push(await ask('/health', { headers: pair.headers }))),
    ),
    ...Array.from({ length: 4 }, () => loop(() => create(answers.post, false))),
    ...Array.from({ length: 4 }, () => loop(() => create(answers.postWithKey, true))),
  ];
  const total = () => answers.get.length + answers.post.size + answers.postWithKey.size;
  return {
    answers,
    /** Waits until so many more requests were answered. */
    more: async (count: number) => {
      const target = total() + count;
      await waitFor(() => total() >= target, { what: `${count} more answers` });
    },
    async stop(): Promise<Answers> {
      going = false;
      await Promise.all(callers);
      return answers;
    },
  };
};

const effects = async (): Promise<Map<string, number>> => {
  const lines = (await readFile(effectsFile, 'utf8')).split('\n').filter(Boolean);
  return new Map([...Map.groupBy(lines, (name) => name)].map(([name, same]) => [name, same.length]));
};

test('a service that is stopped and started again under load fails no request, and does nothing twice', async () => {
  const load = keepAsking();
  await load.more(100);
  for (let restart = 0; restart < 2; restart += 1) {
    await end('SIGTERM');
    running = launch();
    await load.more(200);
  }
  const { get, post, postWithKey } = await load.stop();
  expect(get.filter((status) => status !== 200)).toEqual([]);
  expect([...post.values(), ...postWithKey.values()].filter((status) => status !== 201)).toEqual([]);
  const done = await effects();
  for (const name of [...post.keys(), ...postWithKey.keys()])
    expect([name, done.get(name)]).toEqual([name, 1]);
});

test('a service that is killed under load: what is safe to repeat is repeated, nothing else is', async () => {
  const load = keepAsking();
  await load.more(100);
  for (let kill = 0; kill < 3; kill += 1) {
    await end('SIGKILL');
    running = launch();
    await load.more(150);
  }
  const { get, post, postWithKey } = await load.stop();
  expect(get.filter((status) => status !== 200)).toEqual([]);
  expect([...postWithKey.values()].filter((status) => status !== 201)).toEqual([]);
  const done = await effects();
  for (const [name, status] of post) {
    // In flight at the kill: nobody knows whether it happened, so its caller is told so, and it is not sent again.
    expect([201, 502]).toContain(status);
    expect(done.get(name) ?? 0).toBeLessThanOrEqual(1);
    if (status === 201) expect(done.get(name)).toBe(1);
  }
});

describe('while a service is away', () => {
  test('requests wait for it, large bodies unread', async () => {
    await end('SIGKILL');
    const small = fetch(`${gateway.url}/api/partner/v1/health`, { headers: pair.headers });
    const large = fetch(`${gateway.url}/api/partner/v1/companies/create`, {
      method: 'POST',
      headers: { ...pair.headers, 'content-type': 'application/json' },
      body: new Blob([
        JSON.stringify({
          name: 'large',
          contact_email: 'a@b.co',
          questionnaire_data: { text: 'x'.repeat(50_000) },
        }),
      ]).stream(),
      duplex: 'half',
    });
    await waitFor(
      async () => /gateway_requests_held\{upstream="partner-service"[^}]*\} 2/.test(await gateway.metrics()),
      {
        what: 'two held requests',
      },
    );
    running = launch();
    expect((await small).status).toBe(200);
    expect((await large).status).toBe(201);
    expect(await effects()).toEqual(new Map([['large', 1]]));
  });

  test('only so many wait; the others get 503 at once', async () => {
    const few = await startGateway({
      env: {
        PARTNER_SERVICE_URL: 'http://127.0.0.1:9',
        UPSTREAM_WAITING_MAX: '2',
        UPSTREAM_WAIT_SECONDS: '1',
      },
    });
    const call = () => fetch(`${few.url}/api/partner/v1/health`, { headers: pair.headers });
    const answers = await Promise.all(Array.from({ length: 6 }, call));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    await few.close();
  });

  test('a caller who waits and leaves is forgotten', async () => {
    await end('SIGKILL');
    const abort = new AbortController();
    const call = fetch(`${gateway.url}/api/partner/v1/health`, {
      headers: pair.headers,
      signal: abort.signal,
    });
    const held = async (count: number) =>
      new RegExp(`gateway_requests_held\\{upstream="partner-service"[^}]*\\} ${count}`).test(
        await gateway.metrics(),
      );
    await waitFor(() => held(1), { what: 'the held request' });
    abort.abort();
    await expect(call).rejects.toThrow();
    await waitFor(() => held(0), { what: 'the held request to go' });
  });
});

test('a service that dies of a request is not killed by it over and over', async () => {
  let deaths = 0;
  const upstream = await startRawUpstream((request) => {
    deaths += 1;
    request.socket.destroy();
  });
  const front = await startGateway({ env: { PARTNER_SERVICE_URL: upstream.url } });
  const answer = await fetch(`${front.url}/api/partner/v1/health`, { headers: pair.headers });
  expect(answer.status).toBe(502);
  expect(deaths).toBe(3);
  await front.close();
  await upstream.close();
});

test('keys are looked up again when partner-service is back: an unknown key waits too', async () => {
  await owner.leave();
  const call = fetch(`${gateway.url}/api/partner/v1/health`, { headers: pair.headers });
  await waitFor(() => gateway.app.kit.traffic.inFlight === 1, { what: 'the request' });
  owner.comeBack();
  expect((await call).status).toBe(200);
});
