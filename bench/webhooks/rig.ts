import { randomUUID } from 'node:crypto';
import { INTERNAL_TOKEN_HEADER, systemClock, type UserPrincipal } from '@switchboard/contracts';
import { createInternalTokenMinter } from '@switchboard/service-kit';
import { startNats, startPostgres, startService, waitFor } from '@switchboard/stack/testing';
import pg from 'pg';
import { cpuSeconds, cpuSecondsWithChildren } from '../support/cpu.ts';
import { startProcess } from '../support/process.ts';
import type { LoadTarget, SendOrder } from './orders.ts';
import type { ReceiverFigures } from './receivers-process.ts';

const INTERNAL_TOKEN_SECRET = 'an-internal-secret-of-the-benchmark-long-enough';
const ALL_TIMEOUT_MS = 120_000;
/** Seldom: whoever asks takes of the cores that are measured. */
const POLL_MS = 50;
/** A hundred receivers, of which the first may hang. */
export const RECEIVERS = 100;

const programOf = (file: string): string => new URL(file, import.meta.url).pathname;
export const startProgram = (file: string, env: Readonly<Record<string, string>>) =>
  startProcess(process.execPath, [programOf(file)], env);

export type Receivers = Awaited<ReturnType<typeof startReceivers>>;

const startReceivers = async () => {
  const program = await startProgram('./receivers-process.ts', { RECEIVERS: String(RECEIVERS) });
  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(program.url + path)).json()) as Answer;
  const { ports } = await ask<{ ports: readonly number[] }>('/');
  return {
    ports,
    urls: ports.map((port) => `http://127.0.0.1:${port}/`),
    reset: () => ask('/reset'),
    hang: (port: number) => ask(`/hang?port=${port}`),
    release: (port: number) => ask(`/release?port=${port}`),
    /** What arrived; `withoutPort`: at the others. */
    figures: (withoutPort = 0) => ask<ReceiverFigures>(`/figures?port=${withoutPort}`),
    /** What each of these took, in ms. */
    delays: (withoutPort: number) => ask<readonly number[]>(`/delays?port=${withoutPort}`),
    waitForAll: (count: number) =>
      waitFor(async () => (await ask<{ arrived: number }>('/count')).arrived >= count, {
        what: `${count} webhooks`,
        timeoutMs: ALL_TIMEOUT_MS,
        intervalMs: POLL_MS,
      }),
    stop: () => program.stop(),
  };
};

export type Rig = Awaited<ReturnType<typeof startRig>>;

/** Postgres with fsync, NATS, one dispatcher, the load and the receivers, each a process of its own on this machine. */
export const startRig = async () => {
  const [postgres, nats, receivers] = await Promise.all([
    startPostgres({ durable: true }),
    startNats(),
    startReceivers(),
  ]);
  const dispatcher = await startService('webhook-dispatcher', {
    DATABASE_URL: postgres.urlFor('webhooks'),
    NATS_URL: nats.url,
    WEBHOOK_SECRET: 'a-secret-of-the-benchmark-long-enough',
    WEBHOOK_ENCRYPTION_KEY: 'an-encryption-key-of-the-benchmark-long-enough',
    INTERNAL_TOKEN_SECRET,
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    DRAIN_SECONDS: '0',
    LOG_LEVEL: 'warn',
  });
  const load = await startProgram('./load-process.ts', { NATS_URL: nats.url });
  await dispatcher.waitReady();
  const database = new pg.Client({ connectionString: postgres.ownerUrl });
  await database.connect();
  await database.query('set search_path = webhooks');

  const admin: UserPrincipal = {
    kind: 'user',
    user_id: randomUUID(),
    email: 'bench@example.com',
    role: 'super_admin',
    business_id: null,
    session_id: null,
    origin: 'local',
  };
  const mint = createInternalTokenMinter({ secret: INTERNAL_TOKEN_SECRET, clock: systemClock });
  const isEmpty = async (rows: string): Promise<boolean> =>
    (await database.query(`select 1 from ${rows} limit 1`)).rows.length === 0;
  const untilEmpty = (rows: string, what: string) =>
    waitFor(() => isEmpty(rows), { what, timeoutMs: ALL_TIMEOUT_MS, intervalMs: POLL_MS });

  return {
    postgres,
    receivers,
    pids: { dispatcher: dispatcher.pid },
    cpu: () => ({
      dispatcher: cpuSeconds(dispatcher.pid),
      all: cpuSeconds(dispatcher.pid) + cpuSeconds(nats.pid()) + cpuSecondsWithChildren(postgres.pid()),
    }),
    postgresCpu: () => cpuSecondsWithChildren(postgres.pid()),
    natsCpu: () => cpuSeconds(nats.pid()),
    /** Gives when what was asked for is acknowledged by JetStream. */
    async send(order: SendOrder): Promise<{ readonly seconds: number }> {
      const answer = await fetch(load.url, { method: 'POST', body: JSON.stringify(order) });
      return (await answer.json()) as { seconds: number };
    },
    /** An endpoint at each of these receivers, for this owner. */
    async makeEndpoints(owner: string, urls: readonly string[]): Promise<LoadTarget> {
      for (const url of urls) {
        const answer = await fetch(`${dispatcher.url}/api/admin/v1/webhooks/endpoints`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            [INTERNAL_TOKEN_HEADER]: mint(admin, 'webhook-dispatcher'),
          },
          body: JSON.stringify({ owner, environment: 'sandbox', url, event_types: ['bench.*'] }),
        });
        if (answer.status !== 201) throw new Error(`no endpoint: ${answer.status} ${await answer.text()}`);
      }
      return { kind: 'owner', owner };
    },
    /** So many deliveries are stored and have not come to their end. */
    untilPending: (count: number) =>
      waitFor(
        async () => {
          const found = await database.query("select 1 from webhook_deliveries where status = 'pending'");
          return found.rows.length >= count;
        },
        { what: `${count} deliveries that wait`, timeoutMs: ALL_TIMEOUT_MS, intervalMs: POLL_MS },
      ),
    untilRecorded: () => untilEmpty("webhook_deliveries where status = 'pending'", 'all attempts on record'),
    untilTold: () =>
      untilEmpty('outbox where published_at is null and failed_at is null', 'all outcomes to be told'),
    /** While it is stopped, what is published becomes a backlog; its warm code stays warm. */
    pause: () => process.kill(dispatcher.pid, 'SIGSTOP'),
    resume: () => process.kill(dispatcher.pid, 'SIGCONT'),
    async stop() {
      process.kill(dispatcher.pid, 'SIGCONT');
      await database.end();
      await Promise.all([dispatcher.stop(), load.stop()]);
      await Promise.all([postgres.stop(), nats.stop(), receivers.stop()]);
    },
  };
};

export const callbackTo = (url: string): LoadTarget => ({ kind: 'callback', url, keyId: randomUUID() });
