import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, createCli, makeConfigDir, type Ran, type RunOptions } from './support/cli.ts';
import { ADMIN, startTestGateway, type TestGateway } from './support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
}, 120_000);
afterAll(() => gateway?.stop());

const signIn = async (cli: Cli, options: RunOptions = {}) => {
  let printed = '';
  return cli(['login', '--url', gateway.url], {
    onPrint(text) {
      printed = text;
    },
    async onPause() {
      if (printed) await gateway.decide(printed, 'approve');
      printed = '';
    },
    ...options,
  });
};

/** Gateways hear of an ended session within a second. */
const untilRefused = (run: () => Promise<Ran>): Promise<Ran> =>
  waitFor(
    async () => {
      const ran = await run();
      return ran.code === 1 && ran;
    },
    { what: 'the ended session to be refused', intervalMs: 250 },
  );

const sessionsIn = (configDir: string) => JSON.parse(readFileSync(join(configDir, 'sessions.json'), 'utf8'));

describe('login', () => {
  it('signs in by device, goes to that gateway from then on, and ends the session on the server', async () => {
    const configDir = makeConfigDir();
    const cli = createCli({ configDir });
    const signedIn = await signIn(cli);
    expect(signedIn).toMatchObject({ code: 0, err: '' });
    expect(signedIn.out).toContain(`Signed in at ${gateway.url} as ${ADMIN.email} (super_admin).`);
    expect(statSync(join(configDir, 'sessions.json')).mode & 0o777).toBe(0o600);

    const who = await cli(['whoami', '--json']);
    expect(JSON.parse(who.out)).toMatchObject({ url: gateway.url, email: ADMIN.email, role: 'super_admin' });

    const { accessToken } = sessionsIn(configDir).sessions[gateway.url];
    expect(await cli(['logout'])).toMatchObject({ code: 0, out: `Signed out of ${gateway.url}.` });
    expect(sessionsIn(configDir)).toEqual({ current: null, sessions: {} });
    const copied = await untilRefused(() => cli(['whoami', '--url', gateway.url], { token: accessToken }));
    expect(copied.err).toContain('SWITCHBOARD_TOKEN was refused');
    const after = await cli(['users', 'list', '--url', gateway.url]);
    expect(after).toMatchObject({ code: 1, err: expect.stringContaining('npx switchboard login --url') });
  });

  it('asks at the pace the server wants, and says that it was denied', async () => {
    const pauses: number[] = [];
    let began = 0;
    let tookMs = Number.POSITIVE_INFINITY;
    let printed = '';
    const denied = await createCli({ configDir: makeConfigDir() })(['login', '--url', gateway.url], {
      onPrint(text) {
        printed = text;
      },
      async onPause(seconds) {
        pauses.push(seconds);
        if (pauses.length === 1) began = performance.now();
        if (pauses.length === 3) tookMs = performance.now() - began;
        if (pauses.length === 3) await gateway.decide(printed, 'deny');
      },
    });
    expect(denied).toMatchObject({ code: 1, err: expect.stringContaining('was denied') });
    // Nothing was really waited for: the second question came too soon, and the pauses grew.
    // Where the machine itself took so long, it did not come too soon.
    expect(pauses.slice(0, 3)).toEqual([5, 5, tookMs < 5_000 ? 10 : expect.any(Number)]);
  });

  it('gives up when the code is too old', async () => {
    let asked = 0;
    const cli = createCli({ configDir: makeConfigDir() });
    const late = await cli(['login', '--url', gateway.url], {
      onPause() {
        asked += 1;
        if (asked > 2) throw new Error('it asks for ever');
      },
      // After its first question the code has become too old.
      laterSeconds: () => (asked > 0 ? 1_000 : 0),
    });
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('approved') });
  });
});

describe('a stored session', () => {
  it('is renewed when its hour is over, also by several commands at once, and goes on', async () => {
    const configDir = makeConfigDir();
    const cli = createCli({ configDir });
    await signIn(cli);
    const before = sessionsIn(configDir).sessions[gateway.url];
    const many = await Promise.all(
      Array.from({ length: 5 }, () => cli(['whoami', '--json'], { laterSeconds: 3_600 })),
    );
    expect(many.map(({ code, err }) => ({ code, err }))).toEqual(Array(5).fill({ code: 0, err: '' }));
    const renewed = sessionsIn(configDir).sessions[gateway.url];
    expect(renewed.refreshToken).not.toBe(before.refreshToken);
    // Had two of them refreshed by themselves, the family would have ended by now.
    expect(await cli(['whoami'], { laterSeconds: 7_300 })).toMatchObject({ code: 0 });
  });

  it('that was ended elsewhere says so, and how to sign in again', async () => {
    const configDir = makeConfigDir();
    const cli = createCli({ configDir });
    await signIn(cli);
    await cli(['users', 'sign-out', ADMIN.email]);
    const refused = await untilRefused(() => cli(['whoami']));
    expect(refused.err).toContain('is over');
    expect(refused.err).toContain(`npx switchboard login --url ${gateway.url}`);
  });
});

it('a gateway that is not there is said with what to check', async () => {
  const cli = createCli({ configDir: makeConfigDir() });
  const away = await cli(['users', 'list', '--url', 'http://127.0.0.1:1'], { token: 'x' });
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining('does not answer') });
  expect(await cli(['users', 'list', '--url', 'ftp://x'])).toMatchObject({ code: 2 });
});

it('asks whether it is a gateway at all, when something else answers', async () => {
  const server = createServer((_request, response) => response.writeHead(401).end('{"received":false}'));
  const url = await new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`);
    });
  });
  try {
    const ran = await createCli({ configDir: makeConfigDir() })(['login', '--url', url]);
    expect(ran.code).toBe(1);
    expect(ran.err).toBe(`${url} answered 401 without saying why. Is it a gateway of Switchboard?`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
