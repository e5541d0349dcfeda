import { callEvents } from '@switchboard/contracts';
import { resetNats, startNats, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { AckPolicy, connect } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, BusError } from '../src/index.ts';
import { cancelledMessage, closeAll, jobCancelled, openBus, partnerStream, patient } from './helpers.ts';

beforeEach(resetNats);
afterEach(closeAll);

const deleteStream = async (name: string) => {
  const nc = await connect({ ...testServer(), timeout: 30_000 });
  await (await nc.jetstreamManager({ timeout: 30_000 })).streams.delete(name);
  await nc.close();
};
const testServer = () => {
  const url = new URL(testNatsUrl());
  return { servers: url.host, user: url.username, pass: url.password };
};

describe('publishing', () => {
  test('is acknowledged by JetStream, and the same message id is kept once', async () => {
    const bus = await openBus(testNatsUrl());
    const { message } = cancelledMessage();
    const first = await bus.publish(message, patient);
    const second = await bus.publish(message, patient);
    expect(first).toMatchObject({ stream: 'PARTNER', sequence: 1, duplicate: false });
    expect(second).toMatchObject({ sequence: 1, duplicate: true });
  });

  test('of a thousand at once keeps their order', async () => {
    const bus = await openBus(testNatsUrl());
    const outcomes = await bus.publishAll(
      Array.from({ length: 1_000 }, () => cancelledMessage().message),
      patient,
    );
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.ack.sequence : 0))).toEqual(
      outcomes.map((_, at) => at + 1),
    );
  });

  test('makes a stream anew that somebody deleted while we ran', async () => {
    const bus = await openBus(testNatsUrl());
    await bus.publish(cancelledMessage().message, patient);
    const before = await bus.streamState('PARTNER');
    await deleteStream('PARTNER');
    expect(await bus.publish(cancelledMessage().message, patient)).toMatchObject({ sequence: 1 });
    expect((await bus.streamState('PARTNER'))?.createdAt).not.toBe(before?.createdAt);
  });

  test('says at once that a message can never be published', async () => {
    const bus = await openBus(testNatsUrl());
    const { message } = cancelledMessage();
    const faults = await bus.publishAll([
      { ...message, subject: 'partner.*' },
      { ...message, subject: 'nobodys.subject.here' },
      { ...message, payload: 'x'.repeat(3_000_000) },
    ]);
    expect(faults.map((outcome) => (outcome.ok ? 'ok' : outcome.error.kind))).toEqual([
      'rejected',
      'rejected',
      'rejected',
    ]);
  });

  test('checks an event against its contract before it leaves', async () => {
    const bus = await openBus(testNatsUrl());
    const wrong = () =>
      bus.publishEvent(jobCancelled, { job_id: 'not an id' }, { source: 'partner-service' });
    expect(wrong).toThrow(/job_id/);
  });
});

describe('a domain with commands beside its events', () => {
  const call = '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21';
  const publishRinging = (bus: Bus) =>
    bus.publishEvent(callEvents.ringing, callEvents.ringing.example, { source: 'call-service' });

  test('keeps its events, and answers no command: that is for whoever has the call in hand', async () => {
    const bus = await openBus(testNatsUrl());
    await publishRinging(bus);
    const nc = await connect({ ...testServer(), timeout: 30_000 });
    await expect(nc.request(`calls.cmd.${call}`, '{}', { timeout: 30_000 })).rejects.toMatchObject({
      code: '503',
    });
    await nc.close();
    expect(await bus.streamState('CALLS')).toMatchObject({ messages: 1 });
  });

  test('takes over a stream that kept everything of it, with what is in it and its consumers', async () => {
    const nc = await connect({ ...testServer(), timeout: 30_000 });
    const jsm = await nc.jetstreamManager({ timeout: 30_000 });
    await jsm.streams.add({ name: 'CALLS', subjects: ['calls.>'] });
    await jsm.consumers.add('CALLS', {
      durable_name: 'audit',
      ack_policy: AckPolicy.Explicit,
      filter_subject: 'calls.admin.acted',
    });
    await nc.jetstream().publish('calls.admin.acted', 'of the version before');
    const bus = await openBus(testNatsUrl());
    await publishRinging(bus);
    const { config, state } = await jsm.streams.info('CALLS');
    expect(config.subjects.toSorted()).toEqual(['calls.action.>', 'calls.admin.>', 'calls.call.>']);
    expect(state).toMatchObject({ messages: 2, first_seq: 1 });
    expect((await jsm.consumers.info('CALLS', 'audit')).num_pending).toBe(1);
    await nc.close();
  });
});

describe('a broker that is away', () => {
  test('does not keep a service from starting, and is found when it comes', async () => {
    const nats = await startNats();
    await nats.kill();
    const bus = await openBus(nats.url, { waitForConnection: false });
    expect(bus.isConnected()).toBe(false);
    await expect(bus.publish(cancelledMessage().message, { timeoutMs: 50 })).rejects.toBeInstanceOf(BusError);
    await nats.restart();
    await waitFor(() => bus.isConnected(), { what: 'the bus to find its broker' });
    await expect(bus.publish(cancelledMessage().message, patient)).resolves.toMatchObject({
      stream: 'PARTNER',
    });
    await bus.close();
    await nats.stop();
  });

  test('may be killed: what it acknowledged is still there', async () => {
    const nats = await startNats();
    const bus = await openBus(nats.url);
    for (let count = 0; count < 20; count += 1) await bus.publish(cancelledMessage().message, patient);
    await nats.kill();
    await waitFor(() => !bus.isConnected(), { what: 'the loss to be noticed' });
    await nats.restart();
    await waitFor(() => bus.isConnected(), { what: 'the bus to be back' });
    expect(await bus.publish(cancelledMessage().message, patient)).toMatchObject({ sequence: 21 });
    await bus.ensureStream(partnerStream);
    await bus.close();
    await nats.stop();
  });
});
