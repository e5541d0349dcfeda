import { type Environment, systemClock } from '@switchboard/contracts';
import { createIdTracing } from '@switchboard/service-kit';
import { afterEach, expect, test } from 'vitest';
import { createSender } from '../src/domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from '../src/domain/sending/targets.ts';
import { makeDelivery, onUnexpected, testSign } from './support/deliveries.ts';
import { startReceiver } from './support/receiver.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const deliver = (url: string, environment: Environment, settings: Partial<TargetSettings> = {}) => {
  const targets = createTargets({ allowPrivate: false, connectionsMax: 20, ...settings });
  closing.push(() => targets.close());
  const send = createSender({
    targets,
    clock: systemClock,
    tracing: createIdTracing(),
    onUnexpected,
    sign: testSign,
    timeoutMs: 5_000,
  });
  return send(makeDelivery(url, { environment }), new AbortController().signal);
};

const inside = [
  'http://127.0.0.1:9/',
  'http://localhost:9/',
  'http://0.0.0.0:9/',
  'http://2130706433:9/',
  'http://0x7f.1:9/',
  'http://0177.0.0.1:9/',
  'http://127.1:9/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://192.0.0.1/',
  'http://198.18.0.1/',
  'http://192.0.2.1/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  'http://[::1]:9/',
  'http://[::]:9/',
  'http://[::ffff:127.0.0.1]:9/',
  'http://[::ffff:7f00:1]:9/',
  'http://[fd00::1]/',
  'http://[fe80::1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://metadata.google.internal/',
  'http://127.0.0.1.:9/',
  'http://①②⑦.⓪.⓪.①:9/',
  'http://user:password@partner.example.com/',
  'http://partner.example.com:22/',
  'file:///etc/passwd',
  'gopher://partner.example.com/',
  'not a url',
  'https://partner.example.com/\r\nx-injected: 1',
];

test.each(inside)('%s is refused, and the refusal is an attempt in words', async (url) => {
  for (const environment of ['sandbox', 'production'] as const) {
    const result = await deliver(url, environment);
    expect(result).toMatchObject({ outcome: 'failed', answer: null });
    expect(result.error).toMatch(/^refused target: /);
  }
});

test('the words name the rule', async () => {
  expect((await deliver('http://10.0.0.1/', 'sandbox')).error).toBe('refused target: private address');
  expect((await deliver('http://partner.example.com/', 'production')).error).toBe(
    'refused target: only https is allowed here',
  );
});

test('a name that resolves inside is refused; so is one with one bad address among good ones', async () => {
  for (const addresses of [['127.0.0.1'], ['93.184.216.34', '10.0.0.8'], ['::ffff:10.0.0.1']]) {
    const result = await deliver('https://partner.example.com/', 'production', {
      resolve: async () => addresses,
    });
    expect(result.error).toMatch(/^refused target: /);
  }
});

test('a name that answers otherwise the second time (rebinding) gains nothing: it is asked once per connection', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  const port = new URL(receiver.url).port;
  const answers = ['127.0.0.1', '169.254.169.254'];
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    return [answers[Math.min(asked, answers.length) - 1] ?? ''];
  };
  const settings = { allowPrivate: true, resolve };
  const first = await deliver(`http://rebind.example.com:${port}/`, 'sandbox', settings);
  expect(first).toMatchObject({ outcome: 'succeeded' });
  expect(asked).toBe(1);
  expect(receiver.received).toHaveLength(1);
  expect((await deliver(`http://rebind.example.com:${port}/`, 'sandbox', settings)).error).toMatch(
    /^refused target: /,
  );
});

test('private targets are open to sandbox alone, and metadata addresses to nobody', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  const settings = { allowPrivate: true };
  expect(await deliver(receiver.url, 'sandbox', settings)).toMatchObject({ outcome: 'succeeded' });
  expect((await deliver(receiver.url, 'production', settings)).error).toMatch(/^refused target: /);
  expect((await deliver('http://169.254.169.254/', 'sandbox', settings)).error).toMatch(/^refused target: /);
});
