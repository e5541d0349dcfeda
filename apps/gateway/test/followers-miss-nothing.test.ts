import { createManualClock } from '@switchboard/contracts';
import { resetNats, startNats, waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { drawn } from './support/property.ts';
import { createTopicOwner, openSocket, type TopicOwner } from './support/topics.ts';

const ACCOUNT = 'a-1';
const clock = createManualClock();
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let owner: TopicOwner;
let gateways: readonly TestGateway[];

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createTopicOwner(bus);
  gateways = await Promise.all([startGateway({ clock }), startGateway({ clock })]);
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  await owner.leave();
  await bus.close();
});

type Client = ReturnType<typeof openSocket>;
const open: Client[] = [];

const follow = (id: string, since = 0, gateway = gateways[0] as TestGateway): Client => {
  const ticket = owner.issueTicket(id, ACCOUNT);
  const client = openSocket(`${gateway.url}/api/v1/ws/calls/${id}?ticket=${ticket}&since=${since}`);
  open.push(client);
  return client;
};
const closeAll = () => Promise.all(open.splice(0).map((client) => client.close()));
const fromTo = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
const has = (client: Client, count: number) =>
  waitFor(() => client.frames.length >= count, {
    what: `${count} frames (there are ${client.frames.length})`,
  });

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ say: fc.constantFrom('live', 'lost', 'twice', 'late'), turns: fc.nat(6) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ join: fc.nat(1), since: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
  ),
  { minLength: 6, maxLength: 40 },
);

test('whatever the bus loses, repeats or delays, every socket at every gateway gets every frame once and in order', async () => {
  const runOne = async (script: typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never) => {
    const id = owner.create(ACCOUNT);
    const clients: { client: Client; since: number }[] = [];
    let late: (() => void)[] = [];
    let count = 0;
    for (const step of script) {
      if ('join' in step) {
        const since = Math.floor(step.since * count);
        clients.push({ client: follow(id, since, gateways[step.join]), since });
        continue;
      }
      const publish = owner.store(id);
      count += 1;
      if (step.say === 'late') late.push(publish);
      else {
        if (step.say !== 'lost') publish();
        if (step.say === 'twice') publish();
        for (const after of late) after();
        late = [];
      }
      for (let turn = 0; turn < step.turns; turn += 1) await new Promise(setImmediate);
    }
    await Promise.all(clients.map(({ client }) => client.opened));
    // What is lost at the very end shows in nobody's number: sync finds it.
    owner.store(id);
    count += 1;
    clock.advance(11);
    await Promise.all(clients.map(({ client, since }) => has(client, count - since)));
    for (const { client, since } of clients) expect(client.sequences()).toEqual(fromTo(since + 1, count));
    await closeAll();
  };
  await fc.assert(fc.asyncProperty(steps, runOne), drawn(15));
});

test('a history of many pages reaches a socket while it goes on', async () => {
  const id = owner.create(ACCOUNT);
  for (const _ of fromTo(1, 1200)) owner.store(id, { data: { padding: 'x'.repeat(400) } });
  const client = follow(id, 100);
  const other = follow(id, 0, gateways[1]);
  for (const _ of fromTo(1, 50)) {
    owner.say(id);
    await new Promise(setImmediate);
  }
  await Promise.all([has(client, 1150), has(other, 1250)]);
  expect(client.sequences()).toEqual(fromTo(101, 1250));
  expect(other.sequences()).toEqual(fromTo(1, 1250));
  await closeAll();
});

test('many sockets that miss the same frame ask for it once, and a topic without followers is let go of', async () => {
  const id = owner.create(ACCOUNT);
  const clients = fromTo(1, 30).map(() => follow(id));
  await Promise.all(clients.map(({ opened }) => opened));
  owner.say(id);
  await Promise.all(clients.map((client) => has(client, 1)));
  const before = owner.follows;
  owner.store(id);
  owner.say(id);
  await Promise.all(clients.map((client) => has(client, 3)));
  expect(owner.follows - before).toBeLessThanOrEqual(2);
  const topicsLeft = (count: number) =>
    waitFor(
      async () =>
        ((await gateways[0]?.metrics()) ?? '').match(/gateway_realtime_topics{[^}]*} (\d+)\n/)?.[1] ===
        String(count),
      { what: `${count} topics` },
    );
  await topicsLeft(1);
  await closeAll();
  await topicsLeft(0);
});

test('after the last frame the socket ends with 1000, five seconds later, also for whoever comes afterwards', async () => {
  const id = owner.create(ACCOUNT);
  owner.say(id);
  const client = follow(id);
  await has(client, 1);
  owner.say(id, { type: 'call.ended', isFinal: true });
  const late = follow(id);
  await Promise.all([has(client, 2), has(late, 2)]);
  clock.advance(4);
  late.send({ type: 'ping' });
  await has(late, 3);
  clock.advance(2);
  expect((await client.closed).code).toBe(1000);
  expect((await late.closed).code).toBe(1000);
});

test('sync keeps the tickets of open connections alive, and no others', async () => {
  const id = owner.create(ACCOUNT);
  owner.say(id);
  const client = follow(id);
  const gone = follow(id);
  await Promise.all([has(client, 1), has(gone, 1)]);
  await gone.close();
  await waitFor(
    async () => /gateway_realtime_sockets{[^}]*} 1\n/.test((await gateways[0]?.metrics()) ?? ''),
    {
      what: 'one socket to be left',
    },
  );
  owner.syncedTickets.length = 0;
  clock.advance(11);
  await waitFor(() => owner.syncedTickets.length > 0, { what: 'sync' });
  expect(new Set(owner.syncedTickets).size).toBe(1);
  await closeAll();
});

test('while NATS is away sockets stay and new ones are told to try again; when it is back everybody catches up', async () => {
  const nats = await startNats();
  const ownBus = await connectTestBus(nats.url);
  const owns = createTopicOwner(ownBus);
  const gateway = await startGateway({ natsUrl: nats.url, clock });
  const id = owns.create(ACCOUNT);
  owns.say(id);
  const urlOf = () => `${gateway.url}/api/v1/ws/calls/${id}?ticket=${owns.issueTicket(id, ACCOUNT)}`;
  const client = openSocket(urlOf());
  await has(client, 1);

  await nats.stop();
  await waitFor(() => !gateway.bus.isConnected(), { what: 'the gateway to notice' });
  const refused = openSocket(urlOf());
  expect((await refused.closed).code).toBe(1013);
  expect(refused.frames).toMatchObject([
    { type: 'call.error', sequence: 0, data: { code: 'SERVICE_UNAVAILABLE' } },
  ]);
  owns.say(id);
  owns.say(id);
  client.send({ type: 'call.end', id: 'e1' });
  await has(client, 2);
  expect(client.frames[1]).toMatchObject({
    sequence: 1,
    data: { code: 'SERVICE_UNAVAILABLE', details: { type: 'call.end', id: 'e1' } },
  });

  await nats.restart();
  await has(client, 4);
  expect(client.sequences()).toEqual([1, 2, 3]);
  owns.say(id);
  await has(client, 5);
  await client.close();
  await gateway.close();
  await owns.leave();
  await ownBus.close();
  await nats.stop();
});
