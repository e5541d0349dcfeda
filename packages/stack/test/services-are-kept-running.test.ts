import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMarkOf } from '../src/process/identity.ts';
import { backoffDelay, DEFAULT_BACKOFF } from '../src/supervisor/backoff.ts';
import { type Program, supervise } from '../src/supervisor/supervise.ts';

const SERVICE = `
import { createServer } from 'node:http';
const server = createServer((request, response) => response.end('ok'));
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => { console.log('finishing'); server.close(); server.closeAllConnections(); });
`;

let dir: string;
const lines: string[] = [];
const events: string[] = [];
const options = {
  onLine: (_name: string, line: string) => lines.push(line),
  onEvent: (name: string, event: string) => events.push(`${name} ${event}`),
  backoff: { firstMs: 10, maxMs: 50, recoveredAfterMs: 60_000 },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-supervise-'));
  await writeFile(join(dir, 'service.mjs'), SERVICE);
  await writeFile(join(dir, 'misconfigured.mjs'), "console.log('PORT is no port'); process.exit(78);");
  await writeFile(join(dir, 'broken.mjs'), "console.log('PORT is missing'); process.exit(3);");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('a service that is killed comes back as another process on the same address', async () => {
  const service = await supervise(await program('service.mjs'), options);
  await service.waitReady(45_000);
  const first = service.pid();
  process.kill(first ?? 0, 'SIGKILL');
  const second = await waitFor(() => service.pid() !== first && service.pid(), { what: 'another process' });
  await service.waitReady(45_000);
  expect(service.crashes()).toBe(1);
  expect(events.join()).toContain('test-service ended unasked (signal SIGKILL); starting it again in');
  await service.stop(30_000);
  expect(startMarkOf(second)).toBeUndefined();
  expect(lines.at(-1)).toBe('finishing');
});

test('a service that can never start is reported with its own last words, not waited for', async () => {
  const service = await supervise(await program('broken.mjs'), options);
  await expect(service.waitReady(45_000)).rejects.toThrow(/ends again and again[\s\S]*PORT is missing/);
  await service.stop(1_000);
  expect(service.pid()).toBeUndefined();
});

test('a service with wrong settings says so once: starting it again would not change them', async () => {
  events.length = 0;
  const service = await supervise(await program('misconfigured.mjs'), options);
  await expect(service.waitReady(45_000)).rejects.toThrow(/^PORT is no port$/);
  await service.stop(1_000);
  expect(service.crashes()).toBe(1);
  expect(events).toEqual(['test-service has wrong settings; it is not started again']);
});

test('the delay before a restart doubles up to a bound, and differs between services', () => {
  const delays = [1, 2, 3, 10, 1000].map((crashes) => backoffDelay(DEFAULT_BACKOFF, crashes, 0.5));
  expect(delays).toEqual([200, 400, 800, 10_000, 10_000]);
  expect(backoffDelay(DEFAULT_BACKOFF, 1, 0)).toBe(150);
  expect(backoffDelay(DEFAULT_BACKOFF, 1, 0.999)).toBe(250);
});

async function program(file: string): Promise<Program> {
  const port = await freePort();
  return {
    name: 'test-service',
    command: process.execPath,
    args: [join(dir, file)],
    cwd: dir,
    url: `http://127.0.0.1:${port}`,
    env: { PORT: String(port) },
  };
}
