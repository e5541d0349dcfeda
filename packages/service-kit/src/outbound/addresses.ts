import ipaddr from 'ipaddr.js';
import type { TargetRefusal } from './errors.ts';

/** What may not be called, narrow ranges before wide ones. Sources: RFC 6890 and the IANA special-purpose registries. */
const ranges: readonly (readonly [TargetRefusal, readonly string[]])[] = [
  [
    'metadata',
    [
      '169.254.169.254/32', // AWS, Azure, Google, Oracle, DigitalOcean
      '169.254.170.2/32', // AWS ECS
      '100.100.100.200/32', // Alibaba
      '168.63.129.16/32', // Azure's wire server, on a public address
      '192.0.0.192/32', // Oracle, old
      'fd00:ec2::/32', // AWS over IPv6
      'fd20:ce::254/128', // Google over IPv6
    ],
  ],
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10']],
  ['link-local', ['169.254.0.0/16', 'fe80::/10']],
  ['carrier-grade NAT', ['100.64.0.0/10']],
  ['unspecified', ['0.0.0.0/8', '::/128']],
  ['benchmarking', ['198.18.0.0/15', '2001:2::/48']],
  ['documentation', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  ['reserved', ['240.0.0.0/4', '192.0.0.0/24', '100::/64', '2001:10::/28', '2001:20::/28', '5f00::/16']],
  [
    'transition',
    [
      '192.88.99.0/24', // 6to4 relays
      '64:ff9b::/96',
      '64:ff9b:1::/48',
      '2002::/16',
      '2001::/32',
      '::ffff:0:0:0/96', // SIIT
      '::/96', // IPv4-compatible
    ],
  ],
];

const parsedRanges = ranges.flatMap(([reason, cidrs]) =>
  cidrs.map((cidr) => ({ reason, range: ipaddr.parseCIDR(cidr) })),
);

/** All that is given out of IPv6; whatever lies outside is nothing of the public internet. */
const globalUnicast = ipaddr.parseCIDR('2000::/3');

type Address = ReturnType<typeof ipaddr.parse>;

const refusalOfParsed = (address: Address): TargetRefusal | undefined => {
  const hit = parsedRanges.find(({ range }) => range[0].kind() === address.kind() && address.match(range));
  if (hit) return hit.reason;
  return address.kind() === 'ipv6' && !address.match(globalUnicast) ? 'reserved' : undefined;
};

/** `::8.8.8.8` is read by ipaddr.js as `::ffff:8.8.8.8`, which is another address; in hexadecimal nobody mistakes it. */
const hexadecimal = (address: string): string => {
  if (!address.includes(':') || !address.includes('.')) return address;
  return URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
};

/**
 * Why an address may not be called; undefined when it may. `address` is a literal as resolvers and the URL parser
 * write them. An IPv4-mapped IPv6 address is judged as the IPv4 address it reaches.
 */
export const refusalOfAddress = (address: string, allowPrivate: boolean): TargetRefusal | undefined => {
  if (!ipaddr.isValid(address)) return 'syntax';
  // process() turns ::ffff:a.b.c.d into a.b.c.d.
  const reason = refusalOfParsed(ipaddr.process(hexadecimal(address)));
  return allowPrivate && (reason === 'loopback' || reason === 'private') ? undefined : reason;
};
