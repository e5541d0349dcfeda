import { resetNats, startNats, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bus } from '../src/index.ts';
import { closeAll, openBus } from './helpers.ts';

beforeEach(resetNats);
afterEach(closeAll);

const subject = 'rt.call.6f1b7c52-52a0-4cf2-9a0c-1c5a3b8f7d21';

/** Says it again and again, until somebody heard it. */
const sayUntil = (wasHeard: () => boolean, bus: Bus, text: string, on = subject) =>
  waitFor(
    () => {
      if (!wasHeard()) bus.publishNow(on, text, { Sequence: '0' });
      return wasHeard();
    },
    { what: `whoever listens on ${on}` },
  );

/** Listens, and waits until the server knows of it. */
const listenOn = async (bus: Bus, sender: Bus, on = subject) => {
  const heard: string[] = [];
  const listening = bus.listen(on, ({ payload, header }) => {
    const text = Buffer.from(payload).toString();
    if (text !== 'are you there?') heard.push(`${header('Sequence')} ${text}`);
    else isThere = true;
  });
  let isThere = false;
  await sayUntil(() => isThere, sender, 'are you there?', on);
  return { heard, listening };
};

test('everybody who listens hears it in order, byte for byte; others hear nothing', async () => {
  const [sender, one, two] = [
    await openBus(testNatsUrl()),
    await openBus(testNatsUrl()),
    await openBus(testNatsUrl()),
  ];
  const followers = [await listenOn(one, sender), await listenOn(two, sender)];
  const stranger = await listenOn(one, sender, 'rt.call.another');
  const expected = Array.from({ length: 200 }, (_, at) => `${at + 1} {"text":"é ${at + 1}"}`);
  for (const line of expected) {
    const [sequence = '', ...text] = line.split(' ');
    expect(sender.publishNow(subject, text.join(' '), { Sequence: sequence })).toBe(true);
  }
  for (const { heard } of followers) {
    await waitFor(() => heard.length === expected.length, { what: 'all of them' });
    expect(heard).toEqual(expected);
  }
  expect(stranger.heard).toEqual([]);
});

test('who stopped listening hears no more, and a listener that fails hears the next one', async () => {
  const bus = await openBus(testNatsUrl());
  const { heard, listening } = await listenOn(bus, bus);
  const failing: string[] = [];
  bus.listen(subject, ({ payload }) => {
    failing.push(Buffer.from(payload).toString());
    throw new Error('a listener failed');
  });
  listening.stop();
  await sayUntil(() => failing.length > 1, bus, 'again');
  expect(heard).toEqual([]);
});

test('without NATS nobody hears it, which is said; listeners are there again when it is back', async () => {
  const nats = await startNats();
  const bus = await openBus(nats.url);
  const { heard } = await listenOn(bus, bus);
  await nats.kill();
  await waitFor(() => !bus.isConnected(), { what: 'the loss to be noticed' });
  expect(bus.publishNow(subject, 'lost', { Sequence: '1' })).toBe(false);
  await nats.restart();
  await waitFor(() => bus.isConnected(), { what: 'the bus to be back' });
  await sayUntil(() => heard.length > 0, bus, 'heard');
  expect(new Set(heard)).toEqual(new Set(['0 heard']));
  await bus.close();
  await nats.stop();
});
