import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { Queue, Worker } from 'bullmq';
import { PgBoss } from 'pg-boss';
import { Agent, request } from 'undici';
import { signPartner } from '../../apps/webhook-dispatcher/src/domain/signing/sign-partner.ts';
import { makeMessageId } from './message-id.ts';
import { BODY, CONCURRENCY_PER_TARGET, TARGETS } from './orders.ts';

/*
 * The same job as somebody would write it on a general queue, in a process of its own: a message is a job, a worker signs its
 * body with the same HMACs, POSTs it with the same HTTP client and gives back what was answered. `ROLE` says whether this
 * process puts jobs in line or works on them; whoever enqueues is not measured.
 */
const { QUEUE, ROLE, STORE_URL = '', PORT } = process.env;
const NAME = 'webhooks';
/** As the guide of partners promises: at once, after a minute, five minutes later. */
const RETRY_SECONDS = [60, 300];
const BULK = 100;

interface Message {
  readonly id: string;
  readonly url: string;
  readonly body: string;
}

const agent = new Agent({
  connections: CONCURRENCY_PER_TARGET,
  keepAliveTimeout: 1_000,
  keepAliveMaxTimeout: 10_000,
});
const secret = `whsec_${Buffer.from('a-secret-of-the-benchmark-32byte').toString('base64')}`;

const deliver = async ({ id, url, body: text }: Message, attemptNumber: number) => {
  const attemptedAt = new Date();
  const startedMs = performance.now();
  const body = Buffer.from(text);
  const headers = signPartner({
    messageId: id,
    body,
    secret,
    attemptNumber,
    attemptedAt,
    traceparent: '00-0192f0c12b3c7d4e8f50617283940a1b-8f50617283940a1b-01',
  });
  const timeout = AbortSignal.timeout(30_000);
  const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal: timeout });
  const outcome = {
    status: answer.statusCode,
    headers: answer.headers,
    body: await answer.body.text(),
    attempted_at: attemptedAt.toISOString(),
    duration_ms: Math.round(performance.now() - startedMs),
  };
  if (outcome.status < 200 || outcome.status > 299) throw new Error(`HTTP ${outcome.status}`);
  return outcome;
};

interface Contender {
  enqueue(messages: readonly Message[]): Promise<void>;
  /** `finished` is called when the outcome of a job is where the queue keeps it. */
  work(finished: (count: number) => void): Promise<void>;
}

const startPgBoss = async (): Promise<Contender> => {
  const boss = new PgBoss({
    connectionString: STORE_URL,
    schema: 'pgboss',
    max: 10,
    schedule: false,
    supervise: false,
  });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(NAME);
  const [retryDelay = 60] = RETRY_SECONDS;
  return {
    // One statement for a hundred: better than most services can do.
    async enqueue(messages) {
      await boss.insert(
        NAME,
        messages.map((data) => ({ data, retryLimit: RETRY_SECONDS.length, retryDelay })),
      );
    },
    async work(finished) {
      // `boss.work` takes two batches a second and ends a batch as one: with `fetch` and `complete` each job has its own
      // outcome, and nothing waits for a timer.
      const loop = async () => {
        for (;;) {
          const jobs = await boss.fetch<Message>(NAME, { batchSize: CONCURRENCY_PER_TARGET });
          await Promise.all(
            jobs.map(async ({ id, data }) => {
              try {
                await boss.complete(NAME, id, await deliver(data, 1));
                finished(1);
              } catch (error) {
                await boss.fail(NAME, id, { message: String(error) });
              }
            }),
          );
          if (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      for (let started = 0; started < TARGETS; started += 1) void loop();
    },
  };
};

const startBullmq = async (): Promise<Contender> => {
  const { hostname: host, port } = new URL(STORE_URL);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue<Message>(NAME, { connection });
  const opts = { attempts: RETRY_SECONDS.length + 1, backoff: { type: 'custom' } };
  return {
    async enqueue(messages) {
      await queue.addBulk(messages.map((data) => ({ name: 'send', data, opts })));
    },
    async work(finished) {
      const worker = new Worker<Message>(NAME, async (job) => deliver(job.data, job.attemptsMade + 1), {
        connection,
        concurrency: CONCURRENCY_PER_TARGET * TARGETS,
        settings: { backoffStrategy: (attempts) => (RETRY_SECONDS[attempts - 1] ?? 300) * 1000 },
      });
      worker.on('completed', () => finished(1));
      worker.on('error', (error) => console.error(error));
      await worker.waitUntilReady();
    },
  };
};

const contender = await (QUEUE === 'pg-boss' ? startPgBoss() : startBullmq());
let done = 0;
if (ROLE === 'work') {
  await contender.work((count) => {
    done += count;
  });
}

createServer(async (incoming, response) => {
  if (incoming.method === 'POST') {
    const { urls, count } = (await json(incoming)) as { urls: readonly string[]; count: number };
    for (let sent = 0; sent < count; sent += BULK) {
      const size = Math.min(BULK, count - sent);
      await contender.enqueue(
        Array.from({ length: size }, (_, offset) => ({
          id: makeMessageId(),
          url: urls[(sent + offset) % urls.length] ?? '',
          body: BODY,
        })),
      );
    }
  }
  response.end(JSON.stringify({ done }));
}).listen(Number(PORT), '127.0.0.1');
