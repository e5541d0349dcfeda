import { type BenchPart, renderTable, round } from './support/figures.ts';
import { type BacklogFigures, measureBacklog } from './webhooks/backlog.ts';
import { type DelayFigures, measureDelays } from './webhooks/delays.ts';
import { measureNoisyNeighbour } from './webhooks/noisy-neighbour.ts';
import { BODY, CONCURRENCY_PER_TARGET, type LoadTarget, TARGETS } from './webhooks/orders.ts';
import { measureQueues } from './webhooks/queues.ts';
import { callbackTo, RECEIVERS, type Rig, startRig } from './webhooks/rig.ts';

const DELIVERIES = 6_000;
const FAN_OUT = 5;
const WARM_UP = 1_000;
const SECONDS_AT = { 500: 8, 2000: 4 } as const;
/** Below this share of what was to be published the machine was too busy to publish it. */
const OFFERED_SHARE = 0.95;

const chunks = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

const backlogRow = (name: string, figures: BacklogFigures, more: string): readonly string[] => [
  name,
  round(figures.perSecond),
  round(figures.perCpuSecond),
  `${round(figures.cpuMsEach, 2)} ms`,
  more,
];

const delayRow = (name: string, figures: DelayFigures): readonly string[] => {
  const { wantedPerSecond, offeredPerSecond, arrivedPerSecond } = figures;
  const isFull = Math.min(offeredPerSecond, arrivedPerSecond) < OFFERED_SHARE * wantedPerSecond;
  return [
    name,
    `${wantedPerSecond}`,
    `${round(offeredPerSecond)}`,
    `${round(arrivedPerSecond)}${isFull ? ' (not all of it: the machine is full)' : ''}`,
    `${round(figures.p50Ms)} ms`,
    `${round(figures.p99Ms)} ms`,
  ];
};

const noisyRow = (
  name: string,
  { p50Ms, p99Ms }: { readonly p50Ms: number; readonly p99Ms: number },
  ofRounds: readonly number[],
): readonly string[] => [
  name,
  `${round(p50Ms)} ms`,
  `${round(p99Ms)} ms`,
  `${ofRounds.map((ms) => `${round(ms)}`).join(' to ')} ms`,
];

const measureAll = async (rig: Rig) => {
  const urls = rig.receivers.urls.slice(0, TARGETS);
  const callbacks = urls.map(callbackTo);
  const single = await Promise.all(
    urls.map((url, index) => rig.makeEndpoints(`platform:one-${index}`, [url])),
  );
  const groups = chunks(urls, FAN_OUT);
  const several = await Promise.all(
    groups.map((group, index) => rig.makeEndpoints(`platform:several-${index}`, group)),
  );
  const hundred = await Promise.all(
    rig.receivers.urls.map((url, index) => rig.makeEndpoints(`platform:hundred-${index}`, [url])),
  );
  const step = <Figures>(what: string, measure: () => Promise<Figures>): Promise<Figures> => {
    console.error(`measuring: webhooks, ${what}`);
    return measure();
  };
  const backlogOf = (what: string, targets: readonly LoadTarget[], fanOut = 1) =>
    step(`backlog, ${what}`, () => measureBacklog(rig, targets, { deliveries: DELIVERIES, fanOut }));
  const delaysOf = async (
    what: string,
    targets: readonly LoadTarget[],
    ratePerSecond: keyof typeof SECONDS_AT,
  ) => {
    const options = { ratePerSecond, seconds: SECONDS_AT[ratePerSecond] };
    const figures = await step(`${what} at ${ratePerSecond} a second`, () =>
      measureDelays(rig, targets, options),
    );
    return delayRow(what, figures);
  };
  for (const targets of [callbacks, single]) await measureBacklog(rig, targets, { deliveries: WARM_UP });
  const backlog = {
    callbacks: await backlogOf('callbacks', callbacks),
    single: await backlogOf('one endpoint', single),
    several: await backlogOf(`${FAN_OUT} endpoints`, several, FAN_OUT),
  };
  const queues = await step('pg-boss and bullmq', () => measureQueues(rig, DELIVERIES));
  const delays = [
    await delaysOf('callbacks', callbacks, 500),
    await delaysOf('endpoints', single, 500),
    await delaysOf('callbacks', callbacks, 2_000),
    await delaysOf('endpoints', single, 2_000),
  ];
  const noisy = await step('a neighbour that hangs', () => measureNoisyNeighbour(rig, hundred));
  return { backlog, queues, delays, noisy };
};

/**
 * What the dispatcher promises about speed (spec: webhooks, "Speed"), and the same job on general queues: Postgres with fsync,
 * nats-server, Redis, the dispatcher or the worker, the load and the receivers are processes of their own on this machine.
 */
export const benchWebhooks = async (): Promise<BenchPart> => {
  const rig = await startRig();
  try {
    const { backlog, queues, delays, noisy } = await measureAll(rig);
    return {
      title: 'Webhooks',
      text: `Signed, ${DELIVERIES} deliveries from a backlog, bodies of ${Math.round(BODY.length / 1024)} KiB, ${TARGETS} receivers, at most ${CONCURRENCY_PER_TARGET} at a time to each; the load, the receivers, NATS and Postgres (fsync on) on the same machine. CPU of all: of the dispatcher or the worker, of Postgres or Redis and of NATS, from the first message published to the last outcome on record and told.

${renderTable(
  [
    'from a backlog',
    'deliveries a second',
    'per CPU-second of its process',
    'CPU of all, each',
    'kept of an attempt',
  ],
  [
    backlogRow(
      'callbacks',
      backlog.callbacks,
      'its own row, before the slot is given on: outcome, status, headers, answer, duration; an event',
    ),
    backlogRow('endpoints, one for a message', backlog.single, 'the same, and a gapless sequence'),
    backlogRow(`endpoints, ${FAN_OUT} for a message`, backlog.several, 'the same'),
    backlogRow('pg-boss, same Postgres', queues.pgBoss, 'the last answer, in the row of the job'),
    backlogRow(
      'bullmq, Redis',
      queues.bullmq,
      'the last answer, in memory: Redis as it comes writes nothing through to the disk',
    ),
  ],
)}

The queues do less: no message stored apart from its deliveries, no log of attempts, no events about outcomes, no lanes (one receiver that hangs takes all slots), no guard of addresses, no fan-out, no signing keys that are encrypted. Their messages are put in line by the hundred, by a process that is not counted; requests to the dispatcher come one at a time through JetStream, and what it costs to take and store them is counted. Signatures, HTTP client, receivers, connections to Postgres and the number of attempts at a time are the same; nothing logs each attempt.

From publishing a message to the arrival of its first attempt, at a rate that does not wait. Goal: p99 of 100 ms at 500 a second, 250 ms at 2,000.

${renderTable(['to', 'a second', 'published', 'arrived', 'p50', 'p99'], delays)}

One of ${RECEIVERS} endpoints hangs, with its slots full and a line behind it, at ${noisy.ratePerSecond} messages a second to all. The other ${RECEIVERS - 1}, all messages of ${noisy.rounds} rounds each, in turns; goal: p99 at most 1.10 ×.

${renderTable(
  ['', 'p50', 'p99', 'p99 of single rounds'],
  [
    noisyRow('without it', noisy.alone, noisy.p99MsOfRounds.alone),
    noisyRow('beside it', noisy.besideHanging, noisy.p99MsOfRounds.besideHanging),
    [
      'compared',
      `${round(noisy.besideHanging.p50Ms / noisy.alone.p50Ms, 2)} ×`,
      `${round(noisy.besideHanging.p99Ms / noisy.alone.p99Ms, 2)} ×`,
      '',
    ],
  ],
)}`,
    };
  } finally {
    await rig.stop();
  }
};
