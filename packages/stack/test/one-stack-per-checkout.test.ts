import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeLock } from '../src/local/lock.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-lock-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('while one runs a second is told which process it is; afterwards it may start', () => {
  const path = join(dir, 'one.lock');
  const first = takeLock(path);
  expect(takeLock(path)).toMatchObject({ holder: { pid: process.pid } });
  if ('release' in first) first.release();
  expect(takeLock(path)).toHaveProperty('release');
});

test('the lock of a process that was killed holds nobody up', async () => {
  const path = join(dir, 'dead.lock');
  const dead = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => dead.once('exit', resolve));
  await writeFile(path, JSON.stringify({ pid: dead.pid, startMark: '1' }));
  expect(takeLock(path)).toHaveProperty('release');
});

test('a pid that by now belongs to somebody else holds nobody up, nor does half a file', async () => {
  const reused = join(dir, 'reused.lock');
  await writeFile(reused, JSON.stringify({ pid: process.pid, startMark: 'before the reboot' }));
  expect(takeLock(reused)).toHaveProperty('release');
  const torn = join(dir, 'torn.lock');
  await writeFile(torn, '{"pid":');
  expect(takeLock(torn)).toHaveProperty('release');
  expect((await readdir(dir)).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});
