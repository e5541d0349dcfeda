import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connectBus, silentLog } from '@switchboard/bus';
import { partnerEvents } from '@switchboard/contracts';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCli, type RunOptions } from './support/cli.ts';

let database: TestDatabase;
beforeAll(async () => {
  await resetNats();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const run = (args: readonly string[], changes: RunOptions = {}) =>
  createCli({ databaseUrl: database.ownerUrl, natsUrl: testNatsUrl() })(args, changes);
const json = async (args: readonly string[]) => {
  const { code, out, err } = await run([...args, '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
};

describe('commands', () => {
  it.each([
    [['partner-keys', 'create']],
    [['partner-keys', 'create', 'Two', 'Words']],
    [['partner-keys', 'create', 'X', '--environment', 'staging']],
    [['partner-keys', 'create', 'X', '--allowed-ips', '10.0.0.0/33']],
    [['partner-keys', 'create', 'X', '--permissions', 'everything']],
    [['partner-keys', 'create', 'X', '--company', 'abc']],
    [['partner-keys', 'create', 'X', '--colour']],
    [['partner-keys', 'rotate']],
    [['partner-keys', 'rotate', '0192f0c1-2b3c-7d4e-8f50-617283940a1b', '--overlap', 'soon']],
    [['partner-keys', 'revoke', 'abc']],
    [['partner-keys', 'destroy']],
    [['partner-keys', 'update', '0192f0c1-2b3c-7d4e-8f50-617283940a1b']],
    [['api-keys', 'create']],
    [['api-keys', 'create', 'X', '--allowed-ips', '10.0.0.0/33']],
    [['tokens', 'list', '--status', 'lost']],
    [['tokens', 'create', 'X', '--rate-limit', 'many']],
    [['users', 'create', 'nobody']],
    [['users', 'role', 'a@example.com', 'king']],
    [['users', 'create', 'a@example.com', '--password-stdin', '--invite']],
    [['audit', 'list', '--since', 'yesterday']],
    [['login', 'somewhere']],
    [['dead', 'put-back']],
    [['dead', 'put-back', '1', '--all']],
    [['nonsense']],
  ])('written wrongly (%j) is answered with how it is meant', async (args) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('switchboard ');
  });

  it('say what is wrong with the surroundings', async () => {
    const away = await run(['db', 'migrate'], { databaseUrl: 'postgres://u:hidden@127.0.0.1:1/x' });
    expect(away).toMatchObject({ code: 1 });
    expect(away.err).not.toContain('hidden');
    const noBroker = await run(['dead', 'list'], { natsUrl: 'nats://127.0.0.1:1' });
    expect(noBroker).toMatchObject({ code: 1, err: expect.stringContaining('Check NATS_URL') });
  });
});

describe('dead messages', () => {
  it('are listed and put back to their consumer', async () => {
    const bus = await connectBus({ url: testNatsUrl(), name: 'cli-test', log: silentLog });
    let mended = false;
    const handled: string[] = [];
    const domain = partnerEvents.jobCancelled.name.split('.')[0] ?? '';
    const consumer = bus.consume({
      stream: { name: domain.toUpperCase(), subjects: [`${domain}.>`], maxAgeSeconds: 3_600 },
      filterSubject: partnerEvents.jobCancelled.name,
      durable: 'cli-test',
      failuresMax: 1,
      async handler({ envelope }) {
        if (!mended) throw new Error('not mended yet');
        handled.push(envelope.id);
      },
    });
    try {
      const job_id = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
      const id = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
      await waitFor(
        () => bus.publishEvent(partnerEvents.jobCancelled, { job_id }, { source: 'partner-service', id }),
        {
          what: 'the event to be taken',
        },
      );
      const dead = await waitFor(
        async () => {
          const found: { sequence: number; consumer: string; error: string }[] = await json(['dead', 'list']);
          return found[0];
        },
        { what: 'the dead message' },
      );
      expect(dead).toMatchObject({ consumer: 'cli-test', error: expect.stringContaining('not mended yet') });
      expect((await run(['dead', 'list'])).out).toContain('partner.job.cancelled');
      mended = true;
      expect((await run(['dead', 'put-back', '999'])).code).toBe(1);
      expect(await run(['dead', 'put-back', String(dead?.sequence)])).toMatchObject({
        code: 0,
        out: 'One message was put back.',
      });
      await waitFor(() => handled.length === 1, { what: 'the message to be handled' });
      expect((await run(['dead', 'put-back', '--all'])).out).toBe('0 messages were put back.');
    } finally {
      await consumer.stop();
      await bus.close();
    }
  });
});

describe('the program', () => {
  const program = fileURLToPath(new URL('../bin/switchboard.mjs', import.meta.url));
  const spawn = (args: readonly string[]) =>
    spawnSync(process.execPath, [program, ...args], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', DATABASE_URL: database.ownerUrl },
    });

  it('runs on the pinned Node and gives the exit code on', () => {
    expect(spawn(['db', 'migrate'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('up to date'),
    });
    expect(spawn(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('partner-keys create'),
    });
    expect(spawn(['partner-keys', 'rotate', 'x'])).toMatchObject({ status: 2 });
  }, 180_000);
});
