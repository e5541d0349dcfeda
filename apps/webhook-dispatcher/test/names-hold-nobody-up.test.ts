import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createTargetResolver } from '../src/domain/sending/resolve-name.ts';
import { secrets } from './support/deliveries.ts';
import { type NameServer, startNameServer } from './support/name-server.ts';

test('names that no name server knows come from the system, two at a time', async () => {
  let running = 0;
  let most = 0;
  const resolve = createTargetResolver({
    system: async (hostname) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((done) => setImmediate(done));
      running -= 1;
      if (hostname.startsWith('bad')) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      return ['127.0.0.1'];
    },
  });
  const names = Array.from({ length: 10 }, (_, index) => `${index % 2 ? 'bad' : 'good'}-${index}.invalid`);
  const answers = await Promise.allSettled(names.map((name) => resolve(name)));
  expect(answers.map((answer) => answer.status)).toEqual(
    names.map((name) => (name.startsWith('bad') ? 'rejected' : 'fulfilled')),
  );
  expect(most).toBeLessThanOrEqual(2);
});

test('localhost is found as ever', async () => {
  expect((await createTargetResolver()('localhost')).length).toBeGreaterThan(0);
});

const env = {
  DATABASE_URL: 'postgres://switchboard_webhooks@127.0.0.1:5432/switchboard',
  NATS_URL: 'nats://127.0.0.1:4222',
  ...secrets,
};

test('name servers of its own are addresses, with ports if need be', () => {
  const serversOf = (servers?: string) =>
    readConfig({ ...env, ...(servers === undefined ? {} : { WEBHOOK_DNS_SERVERS: servers }) }).webhooks
      .dnsServers;
  expect(serversOf()).toBeUndefined();
  expect(serversOf('10.0.0.2, [fd00::2]:5353,10.0.0.3:53')).toEqual([
    '10.0.0.2',
    '[fd00::2]:5353',
    '10.0.0.3:53',
  ]);
});

test.each(['ns.example.com', '10.0.0.2:99999', '10.0.0.2:dns', '10.1', '[fd00::2', 'udp://10.0.0.2', ','])(
  'name servers that are %s end the start in words',
  (servers) => {
    expect(() => readConfig({ ...env, WEBHOOK_DNS_SERVERS: servers })).toThrow(
      /WEBHOOK_DNS_SERVERS.* must be addresses divided by commas/,
    );
  },
);

test('a name server that is silent about IPv6 holds up no name that has an IPv4 address', async () => {
  const names: NameServer = await startNameServer((name) =>
    name === 'silent.example.com' || names.questions.at(-1)?.startsWith('AAAA')
      ? 'silent'
      : { a: ['127.0.0.1'] },
  );
  const resolve = createTargetResolver({ servers: [names.address] });
  // c-ares asks a silent server for longer than a name may take at all.
  const silent = resolve('silent.example.com').catch(() => 'the look-up was given up');
  expect(await Promise.race([silent, resolve('partner.example.com')])).toEqual(['127.0.0.1']);
  await names.close();
});
