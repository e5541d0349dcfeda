import { AppError, callRpcs, partnerRpcs } from '@switchboard/contracts';
import { resetNats, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, connectBus, silentLog, type TraceHooks } from '../src/index.ts';
import { closeAll, jobCancelled, keyChanged, openBus, patient } from './helpers.ts';

const { audioChunk } = partnerRpcs;
const { command } = callRpcs;
const job = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const input = { job_id: job, offset: 0 };

beforeEach(resetNats);
afterEach(closeAll);

test('a question reaches one replica of its owner and comes back checked', async () => {
  const [asker, one, two] = await Promise.all([1, 2, 3].map(() => openBus(testNatsUrl())));
  const heard: string[] = [];
  one?.respond(audioChunk, async ({ offset }) => ({ data: `${heard.push('one')}@${offset}` }));
  two?.respond(audioChunk, async ({ offset }) => ({ data: `${heard.push('two')}@${offset}` }));
  await waitFor(async () => (await asker?.request(audioChunk, input, patient)) !== undefined, {
    what: 'an owner',
  });
  heard.length = 0;
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => asker?.request(audioChunk, { ...input, offset: 7 }, patient)),
  );
  expect(answers.every((answer) => answer?.data.endsWith('@7'))).toBe(true);
  expect(heard).toHaveLength(40);
});

test('an error crosses with its code, words and details', async () => {
  const [asker, owner] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
  owner.respond(audioChunk, async () => {
    throw new AppError('JOB_NOT_FOUND', { message: 'gone', details: { job } });
  });
  await waitFor(
    async () => (await asker.request(audioChunk, input).catch((error) => error.code)) === 'JOB_NOT_FOUND',
  );
  await expect(asker.request(audioChunk, input, patient)).rejects.toMatchObject({
    name: 'AppError',
    code: 'JOB_NOT_FOUND',
    message: 'gone',
    details: { job },
  });
});

test('a program error of the owner shows nothing of itself', async () => {
  const [asker, owner] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
  owner.respond(audioChunk, async () => {
    throw new Error('select secret from vault');
  });
  const error = await waitFor(async () => {
    const caught: AppError = await asker.request(audioChunk, input).catch((each) => each);
    return caught.code === 'INTERNAL_ERROR' && caught;
  });
  expect(error.message).not.toContain('secret');
});

test('an answer too large to send is an error at once, not a silence', async () => {
  const [asker, owner] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
  owner.respond(audioChunk, async () => ({ data: 'x'.repeat(3_000_000) }));
  await waitFor(async () => {
    const caught: AppError = await asker
      .request(audioChunk, input, { timeoutMs: 20_000 })
      .catch((each) => each);
    return caught.code === 'INTERNAL_ERROR';
  });
});

test('nobody there is SERVICE_UNAVAILABLE at once; a slow owner is GATEWAY_TIMEOUT', async () => {
  const asker = await openBus(testNatsUrl());
  await expect(asker.request(audioChunk, input, patient)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
  const owner = await openBus(testNatsUrl());
  owner.respond(audioChunk, () => new Promise(() => undefined));
  await waitFor(
    async () =>
      (await asker.request(audioChunk, input, { timeoutMs: 100 }).catch((error) => error.code)) ===
      'GATEWAY_TIMEOUT',
  );
});

test('an owner that stops ends what it answers and takes no more', async () => {
  const [asker, owner] = [await openBus(testNatsUrl()), await openBus(testNatsUrl())];
  let answer: (value: { data: string }) => void = () => undefined;
  let asked = 0;
  const responder = owner.respond(audioChunk, () => {
    asked += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const pending = waitFor(() => asker.request(audioChunk, input, patient), { what: 'the owner to listen' });
  await waitFor(() => asked > 0);
  const stopped = responder.stop();
  answer({ data: 'last words' });
  await stopped;
  expect(await pending).toEqual({ data: 'last words' });
  await expect(asker.request(audioChunk, input, patient)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});

test('a trace crosses questions and events', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const ran: (string | undefined)[] = [];
  const trace: TraceHooks = {
    current: () => traceparent,
    run: (incoming, _name, work) => {
      ran.push(incoming);
      return work();
    },
  };
  const bus = await connectBus({ url: testNatsUrl(), name: 'test', log: silentLog, trace });
  bus.respond(audioChunk, async (_input, ctx) => ({ data: ctx.traceparent ?? '' }));
  const answer = await waitFor(() => bus.request(audioChunk, input), { what: 'the owner to listen' });
  expect(answer.data).toBe(traceparent);
  const listening = bus.subscribe(jobCancelled, () => undefined);
  await bus.publishEvent(jobCancelled, { job_id: job }, { source: 'partner-service' });
  await waitFor(() => ran.length >= 2);
  expect(new Set(ran)).toEqual(new Set([traceparent]));
  listening.stop();
  await bus.close();
});

test('every replica hears a revoked key', async () => {
  const buses = await Promise.all([1, 2, 3].map(() => openBus(testNatsUrl())));
  const heard: string[] = [];
  for (const bus of buses) bus.subscribe(keyChanged, (data) => void heard.push(data.change));
  const publisher = await openBus(testNatsUrl());
  await waitFor(async () => {
    await publisher.publishEvent(
      keyChanged,
      { key_id: job, change: 'revoked' },
      { source: 'partner-service' },
    );
    return heard.length >= 3;
  });
  expect(new Set(heard)).toEqual(new Set(['revoked']));
});

describe('a question about one thing', () => {
  const [mine, others] = ['6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21', '6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d22'];
  const message = { type: 'call.end', data: {} };
  const principal = { kind: 'api_key', account_id: job, key_id: job } as const;
  const ask = (bus: Bus | undefined, id: string, subjectId: string | undefined = id) =>
    bus?.request(
      command,
      { id, message, principal, connection_id: 'c' },
      subjectId === undefined ? patient : { ...patient, id: subjectId },
    );

  test('is answered by the process that has it in hand, and by nobody once that let go of it', async () => {
    const [asker, one, two] = await Promise.all([1, 2, 3].map(() => openBus(testNatsUrl())));
    const heard: string[] = [];
    const hear = (who: string) => async (input: { readonly id: string }) => {
      heard.push(`${who} ${input.id}`);
      return {};
    };
    const responder = one?.respond(command, hear('one'), { id: mine });
    two?.respond(command, hear('two'), { id: others });
    for (const id of [mine, others])
      await waitFor(async () => (await ask(asker, id)) !== undefined, { what: `whoever has ${id}` });
    heard.length = 0;
    for (const id of [mine, others, mine]) await ask(asker, id);
    expect(heard).toEqual([`one ${mine}`, `two ${others}`, `one ${mine}`]);
    await responder?.stop();
    await expect(ask(asker, mine)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await ask(asker, others)).toEqual({});
  });

  test.each(['*', '>', 'a.b', '', 'a b'])(
    'is not asked about %j, which would be another subject',
    async (id) => {
      const bus = await openBus(testNatsUrl());
      await expect(ask(bus, mine, id)).rejects.toBeInstanceOf(TypeError);
      expect(() => bus.respond(command, async () => ({}), { id })).toThrow(TypeError);
    },
  );

  test('needs its id, and another question takes none', async () => {
    const bus = await openBus(testNatsUrl());
    expect(() => bus.respond(command, async () => ({}))).toThrow(/needs an id/);
    await expect(bus.request(audioChunk, input, { id: mine })).rejects.toThrow(/takes no id/);
  });
});
