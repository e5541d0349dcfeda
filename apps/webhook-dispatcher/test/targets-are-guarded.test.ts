import type { Environment } from '@switchboard/contracts';
import { afterEach, expect, test } from 'vitest';
import type { TargetSettings } from '../src/domain/sending/targets.ts';
import { startAttempts } from './support/attempt.ts';
import { startReceiver } from './support/receiver.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const deliver = (url: string, environment: Environment, settings: Partial<TargetSettings> = {}) => {
  const attempts = startAttempts({ allowPrivate: false, ...settings });
  closing.push(() => attempts.close());
  return attempts.attempt(url, { environment });
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

test('private targets are open to sandbox alone, and metadata addresses to nobody', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  const settings = { allowPrivate: true };
  expect(await deliver(receiver.url, 'sandbox', settings)).toMatchObject({ outcome: 'succeeded' });
  expect((await deliver(receiver.url, 'production', settings)).error).toMatch(/^refused target: /);
  expect((await deliver('http://169.254.169.254/', 'sandbox', settings)).error).toMatch(/^refused target: /);
});
