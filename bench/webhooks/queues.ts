import { startRedis, waitFor } from '@switchboard/stack/testing';
import { cpuSeconds } from '../support/cpu.ts';
import type { BacklogFigures } from './backlog.ts';
import { TARGETS } from './orders.ts';
import { type Rig, startProgram } from './rig.ts';

const WARM_UP = 500;
const ALL_TIMEOUT_MS = 120_000;

/** The same job on a general queue, from a backlog of as many messages of the same size. */
const measureQueue = async (
  rig: Rig,
  store: { readonly queue: 'pg-boss' | 'bullmq'; readonly url: string; readonly cpu: () => number },
  deliveries: number,
): Promise<BacklogFigures> => {
  const env = { QUEUE: store.queue, STORE_URL: store.url };
  const enqueuer = await startProgram('./queue-process.ts', { ...env, ROLE: 'enqueue' });
  const worker = await startProgram('./queue-process.ts', { ...env, ROLE: 'work' });
  try {
    const urls = rig.receivers.urls.slice(0, TARGETS);
    const enqueue = async (count: number) => {
      const answer = await fetch(enqueuer.url, { method: 'POST', body: JSON.stringify({ urls, count }) });
      if (!answer.ok) throw new Error(`${store.queue} takes no jobs: ${await answer.text()}`);
    };
    const untilDone = (count: number) =>
      waitFor(async () => ((await (await fetch(worker.url)).json()) as { done: number }).done >= count, {
        what: `${count} jobs of ${store.queue}`,
        timeoutMs: ALL_TIMEOUT_MS,
        intervalMs: 50,
      });
    await enqueue(WARM_UP);
    await untilDone(WARM_UP);
    const atFirst = cpuSeconds(worker.pid) + store.cpu();
    process.kill(worker.pid, 'SIGSTOP');
    await enqueue(deliveries);
    const before = cpuSeconds(worker.pid);
    const startedMs = performance.now();
    process.kill(worker.pid, 'SIGCONT');
    await untilDone(WARM_UP + deliveries);
    const seconds = (performance.now() - startedMs) / 1000;
    const after = cpuSeconds(worker.pid);
    return {
      perSecond: deliveries / seconds,
      perCpuSecond: deliveries / (after - before),
      cpuMsEach: ((after + store.cpu() - atFirst) * 1000) / deliveries,
    };
  } finally {
    await Promise.all([worker.stop(), enqueuer.stop()]);
  }
};

export const measureQueues = async (
  rig: Rig,
  deliveries: number,
): Promise<{ readonly pgBoss: BacklogFigures; readonly bullmq: BacklogFigures }> => {
  const pgBoss = await measureQueue(
    rig,
    { queue: 'pg-boss', url: rig.postgres.url, cpu: rig.postgresCpu },
    deliveries,
  );
  const redis = await startRedis();
  try {
    const bullmq = await measureQueue(
      rig,
      { queue: 'bullmq', url: redis.url, cpu: () => cpuSeconds(redis.pid()) },
      deliveries,
    );
    return { pgBoss, bullmq };
  } finally {
    await redis.stop();
  }
};
