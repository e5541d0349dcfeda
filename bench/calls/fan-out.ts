import { callsRealtime, realtimeSubject } from '@switchboard/contracts';
import { cpuSeconds } from '../support/cpu.ts';
import { percentile } from '../support/figures.ts';
import type { OpenOrder, PublishFigures, PublishOrder } from './orders.ts';
import { type Account, type Rig, SOCKETS, startProgram } from './rig.ts';

const ROUNDS = 3;
const RATE_SECONDS = 5;
/** Of one topic that everybody follows; more would wait in the sockets. */
const EVENTS_ON_THEIR_WAY = 4;
/** Initialized, ringing, connected. */
const FRAMES_OF_A_CONNECTED_CALL = 3;

export interface FanOutFigures {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface FanOutShape {
  /** How many calls share the sockets. */
  readonly calls: number;
  /** Of a round as fast as they arrive. */
  readonly deliveries: number;
  /** At which delays are measured: what both can do without a line. */
  readonly deliveriesPerSecond: number;
}

interface Contender {
  readonly pid: number;
  readonly greeting: string | null;
  /** Of every topic. */
  nextSequence: number;
  subjectOf(callId: string): string;
  socketOf(callId: string): OpenOrder['sockets'][number];
}

const AT_ONCE = 16;

/** Runs so many at a time, and keeps the order. */
const mapSome = async <Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
};

const median = (all: readonly FanOutFigures[]): FanOutFigures => {
  const of = (key: keyof FanOutFigures) =>
    percentile(
      all.map((one) => one[key]),
      0.5,
    );
  return {
    perSecond: of('perSecond'),
    perCpuSecond: of('perCpuSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
  };
};

/** The same events through NATS to 1,000 sockets at the gateway and to 1,000 at a bare `ws` server, in turns. */
export const measureFanOut = async (rig: Rig, account: Account, shape: FanOutShape) => {
  const { calls: topicCount, deliveries, deliveriesPerSecond } = shape;
  const socketsPerTopic = SOCKETS / topicCount;
  const bare = await startProgram('./bare-process.ts', { NATS_URL: rig.natsUrl });
  const followers = await startProgram('./followers-process.ts', { NATS_URL: rig.natsUrl });
  const order = async <Answer>(path: string, body: unknown): Promise<Answer> => {
    const answer = await fetch(followers.url + path, { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the followers: ${text}`);
    return JSON.parse(text) as Answer;
  };
  const calls = await mapSome(Array.from({ length: topicCount }), () =>
    account.client.start('+15550100', 'Followed'),
  );
  const open = (contender: Contender) =>
    order('/open', {
      greeting: contender.greeting,
      sockets: calls.flatMap(({ callId }) =>
        Array.from({ length: socketsPerTopic }, () => contender.socketOf(callId)),
      ),
    } satisfies OpenOrder);
  const publish = async (contender: Contender, count: number, ratePerSecond: number | null) => {
    const each = Math.ceil(count / SOCKETS);
    const done = await order<PublishFigures>('/publish', {
      topics: calls.map(({ callId }) => ({
        callId,
        subject: contender.subjectOf(callId),
        nextSequence: contender.nextSequence,
      })),
      socketsPerTopic,
      events: each * topicCount,
      ratePerSecond: ratePerSecond === null ? null : ratePerSecond / socketsPerTopic,
      onTheirWay: Math.max(EVENTS_ON_THEIR_WAY, topicCount),
    } satisfies PublishOrder);
    contender.nextSequence += each;
    return done;
  };
  const measure = async (contender: Contender): Promise<FanOutFigures> => {
    const before = cpuSeconds(contender.pid);
    const most = await publish(contender, deliveries, null);
    const cpu = cpuSeconds(contender.pid) - before;
    const steady = await publish(contender, deliveriesPerSecond * RATE_SECONDS, deliveriesPerSecond);
    return {
      perSecond: most.deliveries / most.seconds,
      perCpuSecond: most.deliveries / cpu,
      p50Ms: steady.p50Ms,
      p99Ms: steady.p99Ms,
    };
  };
  const gateway: Contender = {
    pid: rig.gatewayPid,
    greeting: 'call.connected',
    nextSequence: FRAMES_OF_A_CONNECTED_CALL + 1,
    subjectOf: (callId) => realtimeSubject(callsRealtime.kind, callId),
    socketOf: (callId) => ({ url: `${rig.gatewayUrl}/api/v1/ws/calls/${callId}`, headers: account.headers }),
  };
  const bareServer: Contender = {
    pid: bare.pid,
    greeting: null,
    nextSequence: 1,
    subjectOf: (callId) => `bench.${callId}`,
    socketOf: (callId) => ({ url: `${bare.url}/bench.${callId}`, headers: {} }),
  };
  const figures = new Map<Contender, FanOutFigures[]>([
    [gateway, []],
    [bareServer, []],
  ]);
  try {
    for (const contender of figures.keys()) {
      await open(contender);
      await publish(contender, deliveries / 4, null);
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [contender, all] of figures) all.push(await measure(contender));
    }
  } finally {
    await Promise.all([bare.stop(), followers.stop()]);
    await mapSome(calls, ({ callId }) => account.client.end(callId));
  }
  return { gateway: median(figures.get(gateway) ?? []), bare: median(figures.get(bareServer) ?? []) };
};
