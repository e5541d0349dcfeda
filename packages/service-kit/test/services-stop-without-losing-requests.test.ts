import { connect } from 'node:net';
import { waitFor } from '@switchboard/stack/testing';
import { Agent, request } from 'undici';
import { afterAll, describe, expect, test } from 'vitest';
import { killFixtures, runFixture, startFixture } from './fixtures/start.ts';

afterAll(killFixtures);

/** Longer than whoever looks may stand still. Tests that wait for the end of it wait together. */
const LONG_DRAIN = { DRAIN_SECONDS: '12' };

const messages = (lines: Record<string, unknown>[]) => lines.map(({ msg }) => msg);

describe('SIGTERM', () => {
  test.concurrent('ends in order: not ready, no new work, answers finished, closed from last to first', async () => {
    const { url, child, exited, lines } = await startFixture(LONG_DRAIN);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const slow = fetch(`${url}/api/partner/v1/hold`);
    await waitFor(() => messages(lines()).includes('holding'));
    child.kill('SIGTERM');
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 503, { what: '/readyz to be 503' });
    // Still taking requests, and sending their connections away.
    const late = await fetch(`${url}/api/partner/v1/release`);
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    const held = await slow;
    expect([held.status, held.headers.get('connection')]).toEqual([200, 'close']);
    expect(await exited).toBe(0);
    const said = messages(lines());
    const order = [
      'ready',
      'shutting down',
      'stopped: consumer',
      'closed: last opened',
      'closed: first opened',
      'stopped',
    ];
    expect(said.filter((msg) => order.includes(String(msg)))).toEqual(order);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  test.concurrent('loses no request of a pool that lets idle connections go before the drain ends', async () => {
    const { url, child, exited } = await startFixture(LONG_DRAIN);
    const agent = new Agent({ connections: 20, keepAliveTimeout: 300, keepAliveMaxTimeout: 300 });
    const outcomes: (number | string)[] = [];
    const call = async (): Promise<void> => {
      const { statusCode, body } = await request(`${url}/api/partner/v1/wait/5`, { dispatcher: agent });
      await body.dump();
      outcomes.push(statusCode);
    };
    // What a gateway does: calls go on until it sees that the service is going away.
    let ready = true;
    const callers = Array.from({ length: 10 }, async () => {
      while (ready) await call().catch((error: Error) => outcomes.push(error.message));
    });
    await waitFor(() => outcomes.length > 50);
    child.kill('SIGTERM');
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 503);
    const before = outcomes.length;
    await waitFor(() => outcomes.length > before + 50);
    ready = false;
    await Promise.all(callers);
    expect(await exited).toBe(0);
    expect(new Set(outcomes)).toEqual(new Set([200]));
    await agent.close();
  });

  test('an idle connection stays open until what is being answered is finished', async () => {
    const { url, child, exited, lines } = await startFixture({ DRAIN_SECONDS: '0.1' });
    const idle = connect(Number(new URL(url).port), '127.0.0.1');
    idle.on('error', () => {});
    let answer = '';
    idle.on('data', (chunk) => {
      answer += chunk;
    });
    const slow = fetch(`${url}/api/partner/v1/hold`);
    await waitFor(() => messages(lines()).includes('holding'));
    child.kill('SIGTERM');
    const refused = () =>
      fetch(`${url}/livez`).then(
        () => false,
        () => true,
      );
    await waitFor(refused, { what: 'the listener to close' });
    // Nobody can connect any more; who is connected is still served.
    idle.write('GET /api/partner/v1/release HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor(() => answer.includes('"released":true'), { what: 'the answer on the idle connection' });
    expect((await slow).status).toBe(200);
    expect(await exited).toBe(0);
  });

  test('a step that hangs is cut off at the deadline', async () => {
    const { child, exited, lines } = await startFixture({ FIXTURE_HANGS: 'true', SHUTDOWN_SECONDS: '1' });
    child.kill('SIGTERM');
    expect(await exited).toBe(1);
    expect(messages(lines())).toContain('shutdown took too long; what is left is abandoned');
  });

  test('a second signal exits at once', async () => {
    const { child, exited, lines } = await startFixture({ FIXTURE_HANGS: 'true', SHUTDOWN_SECONDS: '60' });
    child.kill('SIGTERM');
    await waitFor(() => messages(lines()).includes('stopped: consumer'));
    child.kill('SIGINT');
    expect(await exited).toBe(130);
  });
});

describe('a process under a supervisor', () => {
  test('ends by itself when the supervisor is gone', async () => {
    const { child, exited, lines } = await startFixture({ SUPERVISED: '1' });
    child.disconnect();
    expect(await exited).toBe(0);
    expect(lines().find(({ msg }) => msg === 'shutting down')).toMatchObject({
      reason: 'the supervisor is gone',
    });
  });

  test('does not mind a closed channel when it was not told of one', async () => {
    const { url, child } = await startFixture();
    child.disconnect();
    await waitFor(() => !child.connected);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });
});

describe('a process that cannot go on', () => {
  test('a wrong configuration is told whole, in words, with exit code 78', async () => {
    const { code, output } = await runFixture({ PORT: 'abc', DRAIN_SECONDS: '-1' });
    expect(code).toBe(78);
    expect(output()).toMatch(
      /^fixture-service cannot start. 2 settings are wrong:\n {2}PORT is "abc".*\n {2}DRAIN_SECONDS is "-1"/m,
    );
  });

  test('a start that fails closes what was opened and exits 1', async () => {
    const { code, lines } = await runFixture({ FIXTURE_FAILS_TO_START: '1' });
    expect(code).toBe(1);
    expect(messages(lines())).toEqual(
      expect.arrayContaining(['the service cannot start', 'closed: first opened']),
    );
    expect(JSON.stringify(lines())).toContain('the database is not there');
  });

  test('an error that nobody caught is logged and ends the process', async () => {
    const { url, exited, lines } = await startFixture();
    await fetch(`${url}/api/partner/v1/crash`).catch(() => undefined);
    expect(await exited).toBe(1);
    expect(lines().find(({ level }) => level === 'fatal')).toMatchObject({
      err: { message: 'nobody caught me' },
    });
  });
});
