import {
  checkTargetUrl,
  resolveTarget,
  type TargetPolicy,
  type TargetRefusal,
} from '@switchboard/service-kit';
import { describe, expect, test } from 'vitest';

const strict: TargetPolicy = { requireHttps: false, allowPrivate: false };
const local: TargetPolicy = { requireHttps: true, allowPrivate: true };

const reasonOf = (run: () => unknown): string => {
  try {
    run();
    return 'allowed';
  } catch (error) {
    return error instanceof Error && 'reason' in error ? String(error.reason) : String(error);
  }
};

const spellings: readonly (readonly [string, TargetRefusal])[] = [
  // One address, as many ways of writing it as parsers have.
  ['http://127.0.0.1/', 'loopback'],
  ['http://127.1/', 'loopback'],
  ['http://127.0.1/', 'loopback'],
  ['http://2130706433/', 'loopback'],
  ['http://0x7f000001/', 'loopback'],
  ['http://0x7f.0.0.1/', 'loopback'],
  ['http://0x7f.1/', 'loopback'],
  ['http://0177.0.0.1/', 'loopback'],
  ['http://017700000001/', 'loopback'],
  ['http://0177.0x0.0.1/', 'loopback'],
  ['http://00000177.0.0.01/', 'loopback'],
  ['http://127.0.0.1./', 'loopback'],
  ['http://１２７.０.０.１/', 'loopback'],
  ['http://①②⑦.⓪.⓪.①/', 'loopback'],
  ['http://127。0。0。1/', 'loopback'],
  ['http://%31%32%37.0.0.1/', 'loopback'],
  ['http://127.255.255.254/', 'loopback'],
  ['http://[::1]/', 'loopback'],
  ['http://[0:0:0:0:0:0:0:1]/', 'loopback'],
  ['http://[::ffff:127.0.0.1]/', 'loopback'],
  ['http://[::ffff:7f00:1]/', 'loopback'],
  ['http://[0:0:0:0:0:ffff:127.0.0.1]/', 'loopback'],
  ['http://[::127.0.0.1]/', 'transition'],
  ['http://[64:ff9b::7f00:1]/', 'transition'],
  ['http://[64:ff9b::8.8.8.8]/', 'transition'],
  ['http://[64:ff9b:1::1]/', 'transition'],
  ['http://[2002:7f00:1::]/', 'transition'],
  ['http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/', 'transition'],
  ['http://[::ffff:0:127.0.0.1]/', 'transition'],
  ['http://192.88.99.1/', 'transition'],
  // Private and local ranges, first and last address of each.
  ['http://10.0.0.0/', 'private'],
  ['http://10.255.255.255/', 'private'],
  ['http://0xa000001/', 'private'],
  ['http://172.16.0.1/', 'private'],
  ['http://172.31.255.255/', 'private'],
  ['http://192.168.0.1/', 'private'],
  ['http://[fc00::1]/', 'private'],
  ['http://[fdff:ffff::1]/', 'private'],
  ['http://[fec0::1]/', 'private'],
  ['http://[::ffff:10.0.0.1]/', 'private'],
  ['http://169.254.0.1/', 'link-local'],
  ['http://[fe80::1]/', 'link-local'],
  ['http://[febf::1]/', 'link-local'],
  ['http://[::ffff:169.254.1.1]/', 'link-local'],
  ['http://169.254.169.254/latest/meta-data/', 'metadata'],
  ['http://2852039166/', 'metadata'],
  ['http://0xa9fea9fe/', 'metadata'],
  ['http://0251.0376.0251.0376/', 'metadata'],
  ['http://[::ffff:169.254.169.254]/', 'metadata'],
  ['http://[fd00:ec2::254]/', 'metadata'],
  ['http://100.100.100.200/', 'metadata'],
  ['http://168.63.129.16/', 'metadata'],
  ['http://metadata.google.internal/', 'metadata'],
  ['http://METADATA.google.internal./', 'metadata'],
  ['http://100.64.0.1/', 'carrier-grade NAT'],
  ['http://100.127.255.255/', 'carrier-grade NAT'],
  ['http://0.0.0.0/', 'unspecified'],
  ['http://0/', 'unspecified'],
  ['http://0.1.2.3/', 'unspecified'],
  ['http://[::]/', 'unspecified'],
  ['http://[::ffff:0.0.0.0]/', 'unspecified'],
  ['http://192.0.0.1/', 'reserved'],
  ['http://198.18.0.1/', 'benchmarking'],
  ['http://198.19.255.255/', 'benchmarking'],
  ['http://[2001:2::1]/', 'benchmarking'],
  ['http://192.0.2.1/', 'documentation'],
  ['http://198.51.100.1/', 'documentation'],
  ['http://203.0.113.1/', 'documentation'],
  ['http://[2001:db8::1]/', 'documentation'],
  ['http://[3fff::1]/', 'documentation'],
  ['http://224.0.0.1/', 'multicast'],
  ['http://239.255.255.255/', 'multicast'],
  ['http://[ff02::1]/', 'multicast'],
  ['http://240.0.0.1/', 'reserved'],
  ['http://255.255.255.255/', 'reserved'],
  ['http://[100::1]/', 'reserved'],
  ['http://[4000::1]/', 'reserved'],
  // Names of this machine and of local networks.
  ['http://localhost/', 'local name'],
  ['http://LOCALHOST/', 'local name'],
  ['http://localhost./', 'local name'],
  ['http://ｌｏｃａｌｈｏｓｔ/', 'local name'],
  ['http://a.localhost/', 'local name'],
  ['http://printer.local/', 'local name'],
  ['http://postgres/', 'local name'],
  ['http://api.svc.cluster.internal/', 'local name'],
  // What a URL may not have.
  ['http://user@example.com/', 'credentials'],
  ['http://user:pw@example.com/', 'credentials'],
  ['http://example.com@127.0.0.1/', 'credentials'],
  ['http://example.com:22/', 'port'],
  ['http://example.com:0/', 'port'],
  ['http://example.com:1023/', 'port'],
  ['http://example.com:65536/', 'syntax'],
  ['ftp://example.com/', 'syntax'],
  ['file:///etc/passwd', 'syntax'],
  ['gopher://example.com/', 'syntax'],
  ['javascript:alert(1)', 'syntax'],
  ['//example.com/', 'syntax'],
  ['example.com', 'syntax'],
  ['', 'syntax'],
  ['http://', 'syntax'],
  ['http://exa mple.com/', 'syntax'],
  ['http://exa\tmple.com/', 'syntax'],
  ['http://example.com/\r\nx-a: b', 'syntax'],
  ['http:\\\\127.0.0.1\\', 'syntax'],
  ['http://example.com\\@127.0.0.1/', 'syntax'],
  ['http://example..com/', 'syntax'],
  ['http://example.com../', 'syntax'],
  ['http://[::1%25lo]/', 'syntax'],
  [`http://example.com/${'x'.repeat(2100)}`, 'syntax'],
];

describe('refused without asking anybody', () => {
  test.each(spellings)('%s: %s', (url, reason) => {
    expect(reasonOf(() => checkTargetUrl(url, strict))).toBe(reason);
  });

  test('the message names the rule in words', () => {
    expect(() => checkTargetUrl('http://10.0.0.1/', strict)).toThrow('refused target: private address');
  });

  test('https alone where it is required', () => {
    const policy = { ...strict, requireHttps: true };
    expect(reasonOf(() => checkTargetUrl('http://example.com/', policy))).toBe('scheme');
    expect(checkTargetUrl('https://example.com/', policy).href).toBe('https://example.com/');
  });
});

test.each([
  ['http://example.com', 'http://example.com/'],
  ['https://example.com:443/a?b=c#d', 'https://example.com/a?b=c'],
  ['http://example.com:1024/', 'http://example.com:1024/'],
  ['http://example.com:65535/', 'http://example.com:65535/'],
  ['http://example.com./x', 'http://example.com/x'],
  ['http://8.8.8.8/', 'http://8.8.8.8/'],
  ['http://134744072/', 'http://8.8.8.8/'],
  ['http://[2606:4700::1111]/', 'http://[2606:4700::1111]/'],
  ['http://[::ffff:8.8.8.8]/', 'http://[::ffff:808:808]/'],
  ['http://bücher.example/', 'http://xn--bcher-kva.example/'],
])('%s is a target', (text, href) => {
  expect(checkTargetUrl(text, strict).href).toBe(href);
});

describe('WEBHOOK_ALLOW_PRIVATE_TARGETS opens local work and nothing more', () => {
  test.each([
    'http://127.0.0.1:3090/',
    'http://localhost:3090/',
    'http://10.0.0.1/',
    'http://[::1]/',
    'http://[fd12::1]/',
    'http://sink:8080/',
  ])('%s is allowed', (url) => {
    expect(reasonOf(() => checkTargetUrl(url, local))).toBe('allowed');
  });
  test.each([
    ['http://169.254.169.254/', 'metadata'],
    ['http://[fd00:ec2::254]/', 'metadata'],
    ['http://[::ffff:169.254.169.254]/', 'metadata'],
    ['http://metadata/', 'metadata'],
    ['http://169.254.1.1/', 'link-local'],
    ['http://[fe80::1]/', 'link-local'],
    ['http://0.0.0.0/', 'unspecified'],
    ['http://100.64.0.1/', 'carrier-grade NAT'],
    ['http://localhost:22/', 'port'],
    ['http://[64:ff9b::7f00:1]/', 'transition'],
  ])('%s stays shut: %s', (url, reason) => {
    expect(reasonOf(() => checkTargetUrl(url, local))).toBe(reason);
  });
});

describe('names are resolved once, and every address counts', () => {
  const reasonFor = (addresses: readonly string[], policy = strict) =>
    resolveTarget('https://partner.example/', { ...policy, resolve: async () => addresses }).then(
      (target) => target.addresses,
      (error: Error & { reason: string }) => error.reason,
    );

  test.each([
    [
      ['93.184.216.34', '2606:2800:220:1::1'],
      ['93.184.216.34', '2606:2800:220:1::1'],
    ],
    [['93.184.216.34', '10.0.0.1'], 'private'],
    [['127.0.0.1'], 'loopback'],
    [['2606:2800:220:1::1', '::1'], 'loopback'],
    [['::ffff:10.0.0.1'], 'private'],
    [['fe80::1%eth0'], 'link-local'],
    [['169.254.169.254'], 'metadata'],
    [['64:ff9b::a00:1'], 'transition'],
    [['nonsense'], 'syntax'],
    [[], 'unresolvable'],
  ])('%j: %j', async (addresses, expected) => {
    expect(await reasonFor(addresses)).toEqual(expected);
  });

  test('a name that does not resolve is a failure that may pass, not a refusal', async () => {
    const resolve = () => Promise.reject(new Error('ENOTFOUND'));
    await expect(resolveTarget('https://partner.example/', { ...strict, resolve })).rejects.toMatchObject({
      name: 'TargetFailedError',
      reason: 'unresolvable',
    });
  });
});
