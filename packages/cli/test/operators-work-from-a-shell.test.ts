import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { connectBus, silentLog } from '@switchboard/bus';
import { deriveWebhookSecret, hasValidChecksum, partnerEvents } from '@switchboard/contracts';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/index.ts';

const WEBHOOK_SECRET = 'a-webhook-secret-for-tests-of-enough-length';

let database: TestDatabase;
beforeAll(async () => {
  await resetNats();
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const run = async (
  args: readonly string[],
  changes: { databaseUrl?: string; natsUrl?: string; webhookSecret?: string | undefined } = {},
) => {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    environment: {
      databaseUrl: database.ownerUrl,
      natsUrl: testNatsUrl(),
      webhookSecret: WEBHOOK_SECRET,
      ...changes,
    },
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
};
const json = async (args: readonly string[]) => {
  const { code, out, err } = await run([...args, '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
};

describe('partner-keys', () => {
  it('are made, listed, rotated and revoked', async () => {
    const made = await json([
      ...['partner-keys', 'create', 'Acme GmbH', '--environment', 'production', '--expires-in-days', 'never'],
      ...['--allowed-ips', '203.0.113.7, 10.0.0.0/8,2001:db8::/32', '--rate-limit', '50'],
      ...['--permissions', 'jobs.read,calls.analyze'],
    ]);
    expect(hasValidChecksum(made.api_key, 'pk_production_')).toBe(true);
    expect(made.webhook_secret).toBe(deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.key_id, version: 1 }));
    expect(made).toMatchObject({ partner_name: 'Acme GmbH', environment: 'production', expires_at: null });

    expect(await json(['partner-keys', 'list', '--partner', 'acme'])).toEqual([
      expect.objectContaining({
        key_id: made.key_id,
        status: 'active',
        rate_limit_per_minute: 50,
        allowed_ips: ['203.0.113.7/32', '10.0.0.0/8', '2001:db8::/32'],
        permissions: ['jobs.read', 'calls.analyze'],
      }),
    ]);

    const rotated = await json(['partner-keys', 'rotate', made.key_id, '--overlap', '0', '--webhook']);
    expect(hasValidChecksum(rotated.api_secret, 'sk_')).toBe(true);
    expect(rotated.webhook_secret).toBe(
      deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.key_id, version: 2 }),
    );

    expect(await json(['partner-keys', 'revoke', made.key_id])).toMatchObject({ key_id: made.key_id });
    expect(await json(['partner-keys', 'list', '--active', '--partner', 'Acme'])).toEqual([]);
    const again = await run(['partner-keys', 'rotate', made.key_id]);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('final') });
  });

  it('are shown to people as a table, with the secrets once', async () => {
    const made = await run(['partner-keys', 'create', 'Readable Ltd']);
    expect(made.out).toMatch(/API secret\s+sk_\w{36}/);
    const secret = /sk_\w{36}/.exec(made.out)?.[0] ?? 'none';
    const list = await run(['partner-keys', 'list']);
    expect(list.out).toContain('Readable Ltd');
    expect(list.out).not.toContain(secret);
  });

  it('are made without a webhook secret when nobody knows WEBHOOK_SECRET, and it says so', async () => {
    const made = await run(['partner-keys', 'create', 'X'], { webhookSecret: undefined });
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('WEBHOOK_SECRET') });
  });

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
    [['dead', 'put-back']],
    [['dead', 'put-back', '1', '--all']],
    [['nonsense']],
  ])('written wrongly (%j) is answered with how it is meant', async (args) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('switchboard ');
  });

  it('say what is wrong with the surroundings', async () => {
    const company = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
    const missing = await run(['partner-keys', 'create', 'X', '--company', company]);
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('no company') });
    const away = await run(['partner-keys', 'list'], { databaseUrl: 'postgres://u:hidden@127.0.0.1:1/x' });
    expect(away).toMatchObject({ code: 1, err: expect.stringContaining('Check DATABASE_URL') });
    expect(away.err).not.toContain('hidden');
    const empty = new URL(database.adminUrl);
    empty.pathname = '/postgres';
    const unmigrated = await run(['partner-keys', 'list'], { databaseUrl: empty.href });
    expect(unmigrated).toMatchObject({ code: 1, err: expect.stringContaining('db migrate') });
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
      await bus.publishEvent(partnerEvents.jobCancelled, { job_id }, { source: 'partner-service' });
      const dead = await waitFor(
        async () => {
          const found: { sequence: number; consumer: string; error: string }[] = await json(['dead', 'list']);
          return found[0];
        },
        { what: 'the dead message', timeoutMs: 20_000 },
      );
      expect(dead).toMatchObject({ consumer: 'cli-test', error: expect.stringContaining('not mended yet') });
      expect((await run(['dead', 'list'])).out).toContain('partner.job.cancelled');
      mended = true;
      expect((await run(['dead', 'put-back', '999'])).code).toBe(1);
      expect(await run(['dead', 'put-back', String(dead?.sequence)])).toMatchObject({
        code: 0,
        out: 'One message was put back.',
      });
      await waitFor(() => handled.length === 1, { what: 'the message to be handled', timeoutMs: 20_000 });
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
  });
});
