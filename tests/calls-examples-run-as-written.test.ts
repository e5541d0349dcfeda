import { execFile } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { freePort } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiKeyCredentials, type Platform, startPlatform } from './support/platform.ts';

/*
 * The programs of examples/calls, as they are. They reach the gateway over a line that breaks: the first connection on which
 * a call rings is cut, with whatever was on its way.
 */
const run = promisify(execFile);
const examplesDir = new URL('../examples/calls/', import.meta.url).pathname;

let platform: Platform;
let credentials: ApiKeyCredentials;
let line: Server;
let cuts = 0;
const ends = new Set<Socket>();

/** Passes bytes on to a port; cuts one connection. */
const openLine = (to: number): Server =>
  createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        ends.delete(end);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes) => {
      if (cuts === 0 && bytes.includes('call.ringing')) {
        cuts += 1;
        return near.destroy();
      }
      near.write(bytes);
    });
  });

beforeAll(async () => {
  const [port, linePort] = [await freePort(), await freePort()];
  line = openLine(port);
  await new Promise<void>((resolve) => line.listen(linePort, '127.0.0.1', resolve));
  const publicUrl = { PUBLIC_URL: `http://127.0.0.1:${linePort}` };
  platform = await startPlatform(
    { gateway: { PORT: String(port), ...publicUrl } },
    { without: ['partner-service', 'ticket-service', 'ai-service', 'webhook-dispatcher'] },
  );
  credentials = await platform.createApiKey();
}, 180_000);
afterAll(async () => {
  await platform?.stop();
  line?.close();
  for (const end of ends) end.destroy();
});

const environment = () => ({
  PATH: process.env.PATH,
  BASE_URL: platform.services.gateway.url,
  API_KEY: credentials.key,
  API_SECRET: credentials.secret,
});

test('follow-call.mjs tells everything that happens to a call once, over a line that broke', async () => {
  const { stdout } = await run(process.execPath, [`${examplesDir}follow-call.mjs`, '+1234567890', 'Ann'], {
    env: environment(),
  });
  expect(cuts).toBe(1);
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(/^call [0-9a-f-]{36}$/);
  expect(
    lines.slice(1, -1).map((text) =>
      text
        .replace(/ \S+Z /, ' ')
        .split(' ', 2)
        .join(' '),
    ),
  ).toEqual(['1 call.initialized', '2 call.ringing', '3 call.connected', '4 call.ended']);
  expect(lines.at(-1)).toMatch(/^ended \(hangup\) after \d+ s$/);
}, 120_000);

test('call_and_wait.py waits for the end of a call and finds it in the log', async (ctx) => {
  const hasPython = await run('python3', ['--version']).then(
    () => true,
    () => false,
  );
  if (!hasPython) console.warn('NOT TESTED: call_and_wait.py, because there is no python3');
  ctx.skip(!hasPython, 'there is no python3');
  const { stdout } = await run('python3', [`${examplesDir}call_and_wait.py`, '+15005550001', 'Bea'], {
    env: environment(),
  });
  expect(stdout).toMatch(/^failed\nbusy after \d+ s$/m);
  expect(stdout).toMatch(/Z \+15005550001 Bea failed busy \d+$/m);
}, 180_000);
