import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crashSeed, killsOfEach } from './support/crash-settings.ts';
import {
  besideTheMainJob,
  createPartnerClient,
  type PartnerClient,
  type Platform,
  startPlatform,
} from './support/platform.ts';
import { createRandom } from './support/random.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { makeToneWav } from './support/tone-wav.ts';

const SEED = crashSeed(20260101);
/** Sign-in and tickets are killed beside their own work: identity-survives-crashes. */
const victimsOfTheMainJob = [
  'partner-service',
  'ai-service',
  'webhook-dispatcher',
  'gateway',
  'nats',
  'postgres',
] as const;
const KILLS_OF_EACH = killsOfEach(1);
const JOBS = 30;

let running: Platform;
let callbacks: Receiver;
let client: PartnerClient;
let ids: { readonly company_id: string; readonly agent_id: string };
/** Of all tests here: each of them is completed once, whatever is done to the platform after it. */
const jobIds: string[] = [];

beforeAll(async () => {
  [running, callbacks] = await Promise.all([
    startPlatform(
      { 'webhook-dispatcher': { WEBHOOK_PARTNER_SCHEDULE_SECONDS: '0,2,5,10,20' } },
      { without: besideTheMainJob },
    ),
    startReceiver(),
  ]);
  client = createPartnerClient(running.gatewayUrl, await running.createKey());
  ids = await client.createCompanyWithAgent();
}, 180_000);
afterAll(async () => {
  await running?.stop();
  await callbacks?.close();
});

/** What a careful partner does: the same idempotency key until there is an answer. */
const submitUntilAccepted = async (body: object, key: string): Promise<string> => {
  const accepted = await waitFor(
    async () => {
      const answer = await client.post('/calls/analyze', body, { 'x-idempotency-key': key });
      if (answer.status >= 500) return undefined;
      expect([200, 202], answer.text).toContain(answer.status);
      return JSON.parse(answer.text) as { job_id: string };
    },
    { what: `job ${key} to be accepted`, timeoutMs: 180_000, intervalMs: 200 },
  );
  return accepted.job_id;
};

const expectNothingLeftBehind = async () => {
  for (const schema of ['identity', 'partner', 'tickets', 'ai', 'webhooks']) {
    await waitFor(
      async () => {
        const [row] = await running.query<{ waiting: string }>(
          `select count(*) as waiting from ${schema}.outbox where published_at is null`,
        );
        return row?.waiting === '0';
      },
      { what: `the outbox of ${schema} to be empty`, timeoutMs: 90_000 },
    );
  }
};

/** Every accepted job is completed once, and its callback came with one id and one body. */
const expectExactlyOnce = async () => {
  expect(new Set(jobIds).size).toBe(jobIds.length);
  const statuses = await running.query<{ status: string; jobs: string }>(
    'select status, count(*) as jobs from async_jobs group by status',
  );
  expect(statuses).toEqual([{ status: 'completed', jobs: String(jobIds.length) }]);
  const [calls] = await running.query<{ calls: string; of_jobs: string }>(
    'select count(*) as calls, count(distinct job_id) as of_jobs from calls',
  );
  expect(calls).toEqual({ calls: String(jobIds.length), of_jobs: String(jobIds.length) });
  for (const jobId of jobIds) {
    const first = await callbacks.waitForCallback(jobId, 90_000);
    const same = callbacks.received.filter((callback) => callback.headers['x-webhook-id'] === jobId);
    expect(new Set(same.map((callback) => callback.body)).size, `bodies of ${jobId}`).toBe(1);
    expect(new Set(same.map((callback) => callback.headers['webhook-id'])).size).toBe(1);
    expect(JSON.parse(first.body)).toMatchObject({ job_id: jobId, status: 'completed' });
  }
  const [audio] = await running.query<{ left: string }>('select count(*) as left from job_audio');
  expect(audio?.left).toBe('0');
};

const isOver = async (): Promise<boolean> => {
  const [row] = await running.query<{ over: string }>(
    "select count(*) as over from async_jobs where status in ('completed', 'failed', 'cancelled')",
  );
  return row?.over === String(jobIds.length);
};

test('any part is killed at any moment: every accepted job is completed once and its callback arrives', async () => {
  const random = createRandom(SEED);
  console.info(`crash matrix: seed ${SEED} (set SWITCHBOARD_CRASH_SEED to repeat another run)`);
  const webhook_url = callbacks.url;
  const audio = makeToneWav(2).toString('base64');

  let killing = true;
  const victims = random.shuffle(
    victimsOfTheMainJob.flatMap((name) => Array.from({ length: KILLS_OF_EACH }, () => name)),
  );
  const kills = (async () => {
    for (const victim of victims) {
      await pause(random.between(100, 900));
      const part =
        victim === 'nats'
          ? running.nats
          : victim === 'postgres'
            ? running.postgres
            : running.services[victim];
      await part.kill();
      await pause(random.between(50, 1200));
      await part.restart();
      if ('waitReady' in part) await part.waitReady(60_000);
    }
    killing = false;
  })();

  const submissions = (async () => {
    for (let sent = 0; sent < JOBS || killing; sent += 1) {
      const body = {
        ...ids,
        audio_file: audio,
        call_type: 'support',
        analysis_type: 'tone_only',
        webhook_url,
      };
      jobIds.push(await submitUntilAccepted(body, `crash-${SEED}-${sent}`));
      await pause(random.between(0, 600));
    }
  })();
  await Promise.all([kills, submissions]);

  await waitFor(() => isOver(), {
    what: `all ${jobIds.length} jobs to be over`,
    timeoutMs: 300_000,
    intervalMs: 250,
  });
  await expectExactlyOnce();
  await expectNothingLeftBehind();
  console.info(
    `crash matrix: ${victims.length} kills, ${jobIds.length} jobs, ${callbacks.received.length} callbacks received`,
  );
}, 900_000);

test("JetStream's whole store is deleted while it is stopped: the outbox brings everything back", async () => {
  await running.services['ai-service'].stop();

  for (let sent = 0; sent < 10; sent += 1) {
    const body = {
      ...ids,
      audio_file: makeToneWav(1).toString('base64'),
      call_type: 'support',
      analysis_type: 'tone_only',
      webhook_url: callbacks.url,
    };
    jobIds.push(await submitUntilAccepted(body, `store-${SEED}-${sent}`));
  }
  // All of them are with the broker now, and nowhere marked as still to be sent.
  await expectNothingLeftBehind();
  await running.nats.stop();
  await rm(join(running.nats.dir, 'jetstream'), { recursive: true });
  await running.nats.restart();
  await running.services['ai-service'].restart();
  await running.services['ai-service'].waitReady(60_000);

  await waitFor(() => isOver(), { what: 'all jobs to be over', timeoutMs: 240_000 });
  await expectExactlyOnce();
}, 600_000);
