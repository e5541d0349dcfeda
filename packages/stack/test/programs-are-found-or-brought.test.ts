import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bring } from '../src/tools/bring-tool.ts';
import { runToEnd } from '../src/tools/run.ts';
import { type Tool, tools } from '../src/tools/table.ts';

let dir: string;
let server: Server;
let baseUrl: string;
let archive: Buffer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-tools-'));
  await mkdir(join(dir, 'made/greeter-1.0'), { recursive: true });
  await writeProgram(join(dir, 'made/greeter-1.0/greeter'), 'echo greeter 1.0');
  await runToEnd('tar', ['-czf', join(dir, 'greeter.tar.gz'), '-C', join(dir, 'made'), 'greeter-1.0'], {
    timeoutMs: 60_000,
  });
  archive = await readFile(join(dir, 'greeter.tar.gz'));
  server = createServer((_request, response) => response.end(archive));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  baseUrl = typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';
});

afterAll(async () => {
  server.close();
  await rm(dir, { recursive: true, force: true });
});

test('a program on PATH is taken as it is: nothing is fetched', async () => {
  const bin = join(dir, 'on-path');
  await mkdir(bin);
  await writeProgram(join(bin, 'greeter'), 'echo mine');
  const found = await bring(greeter({ sha256: '0'.repeat(64) }), { path: bin, dir: await freshDir() });
  expect(found).toBe(join(bin, 'greeter'));
});

test('a release with the pinned checksum is kept and used again without a network', async () => {
  const into = await freshDir();
  const tool = greeter({ sha256: createHash('sha256').update(archive).digest('hex') });
  const options = { path: '/nowhere', dir: into, platform: 'test-cpu' };
  const program = await bring(tool, options);
  expect(program).toBe(join(into, 'bin/greeter'));
  expect(await runToEnd(program, [], { timeoutMs: 60_000 })).toBe('greeter 1.0\n');
  const unreachable = greeter({ sha256: 'a'.repeat(64), url: 'http://127.0.0.1:1/' });
  expect(await bring(unreachable, options)).toBe(program);
});

test('a release with another checksum is refused, leaves nothing behind, and the way out is named', async () => {
  const into = await freshDir();
  const attempt = bring(greeter({ sha256: 'a'.repeat(64) }), {
    path: '/nowhere',
    dir: into,
    platform: 'test-cpu',
  });
  await expect(attempt).rejects.toThrow(/SHA-256 [0-9a-f]{64}, but a{64} is pinned: refused/);
  await expect(attempt).rejects.toThrow(/Install it: {5}sudo apt-get install greeter/);
  await expect(attempt).rejects.toThrow(/or use yours: {3}GREETER_URL=/);
  expect(await readdir(join(into, 'bin'))).toEqual([]);
  expect(await readdir(into)).toEqual(['bin']);
});

test('an offline machine hears the reason of every way that failed', async () => {
  const tool = greeter({ sha256: 'a'.repeat(64), url: 'http://127.0.0.1:1/greeter.tar.gz' });
  const attempt = bring(tool, { path: '/nowhere', dir: await freshDir(), platform: 'test-cpu' });
  await expect(attempt).rejects.toThrow('http://127.0.0.1:1/greeter.tar.gz was not reached');
});

test('nats-server is pinned by checksum for every platform we say we support', () => {
  const { releases } = tools['nats-server'];
  expect(Object.keys(releases).sort()).toEqual(['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']);
  for (const release of Object.values(releases)) expect(release.sha256).toMatch(/^[0-9a-f]{64}$/);
});

function greeter(release: { sha256: string; url?: string }): Tool {
  return {
    name: 'greeter',
    versionArgs: ['--version'],
    releases: {
      'test-cpu': {
        url: release.url ?? `${baseUrl}/greeter.tar.gz`,
        sha256: release.sha256,
        member: 'greeter-1.0/greeter',
      },
    },
    debian: { package: 'greeter', program: 'usr/bin/greeter' },
    remedies: { linux: 'sudo apt-get install greeter', darwin: 'brew install greeter' },
    instead: 'GREETER_URL=http://host',
  };
}

function freshDir(): Promise<string> {
  return mkdtemp(join(dir, 'local-'));
}

async function writeProgram(path: string, body: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}
