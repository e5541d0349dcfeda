import { deadStream } from '@switchboard/contracts';
import { resetNats, startNats, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { connect } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BusError, type ConsumeOptions, GiveBack } from '../src/index.ts';
import { cancelledMessage, closeAll, jobCancelled, openBus, partnerStream, patient } from './helpers.ts';

beforeEach(resetNats);
afterEach(closeAll);

const options = (handler: ConsumeOptions['handler'], more: Partial<ConsumeOptions> = {}): ConsumeOptions => ({
  stream: partnerStream,
  filterSubject: jobCancelled.name,
  durable: 'test-consumer',
  backoff: { firstMs: 20, maxMs: 50 },
  handler,
  ...more,
});

const manage = async <T>(
  url: string,
  work: (jsm: Awaited<ReturnType<typeof managerOf>>) => Promise<T>,
): Promise<T> => {
  const { host, username, password } = new URL(url);
  const nc = await connect({
    servers: host,
    timeout: 30_000,
    ...(username ? { user: username, pass: password } : {}),
  });
  try {
    return await work(await managerOf(nc));
  } finally {
    await nc.close();
  }
};
const managerOf = (nc: Awaited<ReturnType<typeof connect>>) => nc.jetstreamManager({ timeout: 30_000 });

describe('handling', () => {
  test('happens once for each message, never for more at a time than allowed', async () => {
    const bus = await openBus(testNatsUrl());
    const seen: string[] = [];
    let running = 0;
    let most = 0;
    const consumer = bus.consume(
      options(
        async ({ envelope }) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          seen.push(envelope.id);
        },
        { concurrency: 4 },
      ),
    );
    const messages = Array.from({ length: 300 }, () => cancelledMessage());
    await bus.publishAll(
      messages.map(({ message }) => message),
      patient,
    );
    await waitFor(() => seen.length === 300, { what: 'all messages' });
    expect(new Set(seen)).toEqual(new Set(messages.map(({ id }) => id)));
    expect(most).toBeLessThanOrEqual(4);
    await waitFor(async () => (await consumer.lag())?.ackPending === 0, { what: 'the acks' });
    expect(await consumer.lag()).toMatchObject({ pending: 0 });
    // Told of an ack after the server has it.
    await waitFor(() => consumer.stats().handled === 300 && consumer.stats().inFlight === 0, {
      what: 'all acks to be confirmed',
    });
    expect(consumer.stats().dead).toBe(0);
  });

  test('is shared by replicas', async () => {
    const buses = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
    const seen: [string[], string[]] = [[], []];
    // Whoever comes first goes on when the other one has something too: alone it might take all of them.
    const both = Promise.withResolvers<void>();
    buses.forEach((bus, at) => {
      bus.consume(
        options(
          async ({ envelope }) => {
            seen[at]?.push(envelope.id);
            if (seen[0].length > 0 && seen[1].length > 0) both.resolve();
            await both.promise;
          },
          { concurrency: 2 },
        ),
      );
    });
    await buses[0]?.publishAll(
      Array.from({ length: 200 }, () => cancelledMessage().message),
      patient,
    );
    await waitFor(() => seen[0].length + seen[1].length === 200);
    expect(new Set(seen.flat()).size).toBe(200);
  });

  test('may take far longer than the ack time: the message stays where it is', async () => {
    const bus = await openBus(testNatsUrl());
    let calls = 0;
    let end: () => void = () => undefined;
    const consumer = bus.consume(
      options(
        () => {
          calls += 1;
          return new Promise((resolve) => {
            end = resolve;
          });
        },
        { ackWaitSeconds: 0.3, concurrency: 4 },
      ),
    );
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => calls === 1);
    // Another message, given back ten times with 0.2 s each, is our clock: 2 s pass at the server.
    let others = 0;
    const clock = bus.consume(
      options(
        async () => {
          others += 1;
          if (others < 10) throw new GiveBack(0.2);
        },
        { durable: 'clock' },
      ),
    );
    await waitFor(() => clock.stats().handled === 1);
    expect(calls).toBe(1);
    end();
    await waitFor(() => consumer.stats().handled === 1);
    expect(consumer.stats().givenBack).toBe(0);
  });

  test('that gives a message back gets it again after that time, uncounted', async () => {
    const bus = await openBus(testNatsUrl());
    const deliveries: number[] = [];
    const consumer = bus.consume(
      options(
        async (delivery) => {
          deliveries.push(delivery.deliveries);
          if (deliveries.length < 8) throw new GiveBack(0.02);
        },
        { failuresMax: 2 },
      ),
    );
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => consumer.stats().handled === 1);
    expect(deliveries).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(consumer.stats()).toMatchObject({ givenBack: 7, failed: 0, dead: 0 });
  });

  test('that fails because something is away is tried for as long as it takes', async () => {
    const bus = await openBus(testNatsUrl());
    let tries = 0;
    const consumer = bus.consume(
      options(
        async () => {
          tries += 1;
          if (tries === 1) throw new BusError('timeout', 'slow');
          if (tries < 5) throw new Error('away');
        },
        { failuresMax: 1, isTransient: (error) => error instanceof Error && error.message === 'away' },
      ),
    );
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => consumer.stats().handled === 1);
    expect(consumer.stats()).toMatchObject({ failed: 0, dead: 0 });
  });
});

describe('a message that cannot be handled', () => {
  test('is set aside with its reason after its failures, and can be put back', async () => {
    const bus = await openBus(testNatsUrl());
    let broken = true;
    const handled: string[] = [];
    const elsewhere: string[] = [];
    const consumer = bus.consume(
      options(
        async ({ envelope }) => {
          if (broken) throw new Error('no such column');
          handled.push(envelope.id);
        },
        { failuresMax: 3 },
      ),
    );
    const healthy = bus.consume(
      options(async ({ envelope }) => void elsewhere.push(envelope.id), { durable: 'healthy-consumer' }),
    );
    const { id, message } = cancelledMessage();
    await bus.publish(message, patient);
    await waitFor(() => consumer.stats().dead === 1 && healthy.stats().handled === 1);
    const [dead] = await bus.listDead();
    expect(dead).toMatchObject({
      subject: 'partner.job.cancelled',
      streamSequence: 1,
      consumer: 'test-consumer',
      deliveries: 3,
      error: 'Error: no such column',
      eventId: id,
      eventType: 'partner.job.cancelled.v1',
    });
    expect(JSON.parse(dead?.payload ?? '')).toMatchObject({ id });

    broken = false;
    expect(await bus.putBackDead({ sequence: dead?.sequence ?? 0 })).toBe(1);
    await waitFor(() => handled.length === 1);
    expect(handled).toEqual([id]);
    expect(await bus.listDead()).toEqual([]);
    // The consumer that had handled it long ago is not bothered again.
    await waitFor(async () => {
      const lag = await healthy.lag();
      return lag?.pending === 0 && lag.ackPending === 0;
    });
    expect(elsewhere).toEqual([id]);
  });

  test('is set aside at once when it is not what the contract says', async () => {
    const bus = await openBus(testNatsUrl());
    const consumer = bus.consume(options(async () => undefined));
    for (const payload of ['', 'not json', '{"specversion":"0.3"}', 'x'.repeat(900_000)]) {
      await bus.publish({ ...cancelledMessage().message, payload }, patient);
    }
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => consumer.stats().dead === 4 && consumer.stats().handled === 1);
    const dead = await bus.listDead();
    expect(dead.map(({ deliveries }) => deliveries)).toEqual([1, 1, 1, 1]);
  });

  test('is put back with all others, each once, even if it dies again', async () => {
    const bus = await openBus(testNatsUrl());
    const consumer = bus.consume(
      options(
        async () => {
          throw new Error('still broken');
        },
        { failuresMax: 1 },
      ),
    );
    await bus.publishAll(
      Array.from({ length: 5 }, () => cancelledMessage().message),
      patient,
    );
    await waitFor(() => consumer.stats().dead === 5);
    expect(await bus.putBackDead('all')).toBe(5);
    await waitFor(() => consumer.stats().dead === 10);
    expect(await bus.listDead()).toHaveLength(5);
    expect((await bus.listDead({ limit: 2 })).length).toBe(2);
  });

  test('is not lost when it cannot be set aside: it stays until it can', async () => {
    const bus = await openBus(testNatsUrl());
    // A stream of another name holds the subject: our own cannot be made.
    await manage(testNatsUrl(), (jsm) =>
      jsm.streams.add({ name: 'SQUATTER', subjects: ['dead.>'], max_msg_size: 1 }),
    );
    const consumer = bus.consume(
      options(async () => Promise.reject(new Error('broken')), { failuresMax: 1 }),
    );
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => consumer.stats().failed === 1);
    expect(consumer.stats().dead).toBe(0);
    await manage(testNatsUrl(), (jsm) => jsm.streams.delete('SQUATTER'));
    await waitFor(() => consumer.stats().dead === 1);
    expect(await bus.listDead()).toHaveLength(1);
    expect(await bus.streamState(deadStream.name)).toMatchObject({ messages: 1 });
  });
});

describe('a consumer', () => {
  test('survives that it is deleted', async () => {
    const bus = await openBus(testNatsUrl());
    const seen: string[] = [];
    const consumer = bus.consume(options(async ({ envelope }) => void seen.push(envelope.id)));
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => consumer.stats().handled === 1);
    await manage(testNatsUrl(), (jsm) => jsm.consumers.delete('PARTNER', 'test-consumer'));
    const { id, message } = cancelledMessage();
    await bus.publish(message, patient);
    await waitFor(() => seen.includes(id), { what: 'the consumer to come back' });
  });

  test('survives that its stream is deleted', async () => {
    const bus = await openBus(testNatsUrl());
    const seen: string[] = [];
    bus.consume(options(async ({ envelope }) => void seen.push(envelope.id)));
    await bus.publish(cancelledMessage().message, patient);
    await waitFor(() => seen.length === 1);
    await manage(testNatsUrl(), (jsm) => jsm.streams.delete('PARTNER'));
    const { id, message } = cancelledMessage();
    await bus.publish(message, patient);
    await waitFor(() => seen.includes(id), { what: 'the consumer to come back' });
  });

  test('survives that NATS is killed and comes back, and loses nothing', { timeout: 180_000 }, async () => {
    const nats = await startNats();
    const bus = await openBus(nats.url);
    const seen = new Set<string>();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    bus.consume(
      options(
        async ({ envelope }) => {
          await gate;
          seen.add(envelope.id);
        },
        { ackWaitSeconds: 1, concurrency: 3 },
      ),
    );
    const messages = Array.from({ length: 30 }, () => cancelledMessage());
    await bus.publishAll(
      messages.map(({ message }) => message),
      patient,
    );
    await nats.kill();
    release();
    await nats.restart();
    await waitFor(() => seen.size === 30, { what: 'all messages', timeoutMs: 90_000 });
    await bus.close();
    await nats.stop();
  });

  test('takes new settings with the next start, and goes on where it was', async () => {
    const bus = await openBus(testNatsUrl());
    const seen: string[] = [];
    const note: ConsumeOptions['handler'] = async ({ envelope }) => void seen.push(envelope.id);
    const before = bus.consume(options(note));
    const [first, second, third] = [cancelledMessage(), cancelledMessage(), cancelledMessage()];
    await bus.publish(first.message, patient);
    await waitFor(() => before.stats().handled === 1);
    await before.stop();
    const after = bus.consume(options(note, { ackWaitSeconds: 7, concurrency: 200 }));
    await bus.publish(second.message, patient);
    await waitFor(() => after.stats().handled === 1);
    expect(seen).toEqual([first.id, second.id]);
    const info = await manage(testNatsUrl(), (jsm) => jsm.consumers.info('PARTNER', 'test-consumer'));
    expect(info.config).toMatchObject({ ack_wait: 7e9, max_ack_pending: 2_000 });
    await after.stop();
    bus.consume(options(note, { filterSubject: 'partner.>' }));
    await bus.publish({ ...third.message, subject: 'partner.job.other' }, patient);
    await waitFor(() => seen.includes(third.id));
  });

  test('that stops ends its work, takes no more, and leaves the rest to others', async () => {
    const [leaving, staying] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
    const seen: string[] = [];
    let release: () => void = () => undefined;
    let started = 0;
    const consumer = leaving.consume(
      options(
        ({ signal }) =>
          new Promise((resolve, reject) => {
            started += 1;
            // The first ends when told, the second gives up as soon as it hears that the process stops.
            if (started === 1) release = resolve;
            else signal.addEventListener('abort', () => reject(new GiveBack(0)));
          }),
        { concurrency: 2 },
      ),
    );
    const messages = Array.from({ length: 6 }, () => cancelledMessage());
    await leaving.publishAll(
      messages.map(({ message }) => message),
      patient,
    );
    await waitFor(() => started === 2);
    const stopped = consumer.stop();
    release();
    await stopped;
    expect(consumer.stats()).toMatchObject({ handled: 1, givenBack: 1, inFlight: 0 });
    staying.consume(options(async ({ envelope }) => void seen.push(envelope.id)));
    await waitFor(() => seen.length === 5, { what: 'the other replica to take the rest' });
  });

  test('that cannot end its work in time gives it to others', async () => {
    const [leaving, staying] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
    let started = 0;
    const consumer = leaving.consume(
      options(() => {
        started += 1;
        return new Promise(() => undefined);
      }),
    );
    const { id, message } = cancelledMessage();
    await leaving.publish(message, patient);
    await waitFor(() => started === 1);
    await consumer.stop({ deadlineSeconds: 0.05 });
    const seen: string[] = [];
    staying.consume(options(async ({ envelope }) => void seen.push(envelope.id)));
    await waitFor(() => seen.includes(id));
  });
});
