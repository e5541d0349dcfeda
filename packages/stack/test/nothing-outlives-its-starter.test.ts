import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMarkOf } from '../src/process/identity.ts';

const source = fileURLToPath(new URL('../src/', import.meta.url));
const runScript = fileURLToPath(new URL('../../../scripts/run.mjs', import.meta.url));
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'switchboard-outlive-'));
  // A starter with a child that ignores being asked, and a directory of its own.
  await writeFile(
    join(dir, 'starter.ts'),
    `import { startChild } from '${source}process/child.ts';
     import { guardDirectory } from '${source}process/watchdog.ts';
     import { mkdirSync } from 'node:fs';
     mkdirSync('${dir}/scratch');
     guardDirectory('${dir}/scratch');
     const child = await startChild({
       command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], env: {}, stage: 0,
     });
     console.log(child.pid);
     setInterval(() => {}, 1000);`,
  );
  await writeFile(
    join(dir, 'entry.ts'),
    `import { askedToEnd } from '${source}local/shutdown.ts';
     const keepAlive = setInterval(() => {}, 1000);
     const asked = askedToEnd();
     console.log(process.pid, process.version);
     console.log(await asked);
     clearInterval(keepAlive);
     process.exitCode = 7;`,
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('children and scratch directories go when their starter is SIGKILLed', async () => {
  const starter = spawn(process.execPath, [join(dir, 'starter.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(await firstLine(starter));
  expect(startMarkOf(pid)).toBeDefined();
  starter.kill('SIGKILL');
  await waitFor(() => startMarkOf(pid) === undefined, { what: 'the child to be gone' });
  await waitFor(() => !existsSync(join(dir, 'scratch')), { what: 'the directory to be gone' });
});

test('an entry runs on the pinned Node, hears SIGTERM once, and its exit code is handed on', async () => {
  const run = spawn(process.execPath, [runScript, join(dir, 'entry.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(await firstLine(run)).toMatch(/^\d+ v26\./);
  run.kill('SIGTERM');
  const [code] = await once(run, 'exit');
  expect(code).toBe(7);
});

test('an entry ends when whoever ran it was SIGKILLed', async () => {
  const run = spawn(process.execPath, [runScript, join(dir, 'entry.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number((await firstLine(run)).split(' ')[0]);
  run.kill('SIGKILL');
  await waitFor(() => startMarkOf(pid) === undefined, { what: 'the entry to end' });
});

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('it ended without a word');
}
