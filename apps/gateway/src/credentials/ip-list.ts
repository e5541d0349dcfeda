import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** IPv4 inside IPv6 (`::ffff:203.0.113.7`) is the IPv4 address: the same caller, whatever the socket's family. */
const parseAddress = (text: string): Address | null => {
  const [plain = ''] = text.trim().split('%', 1);
  return ipaddr.isValid(plain) ? ipaddr.process(plain) : null;
};

const MAPPED_PREFIX_BITS = 96;

const parseRange = (text: string): Range | null => {
  const [address = '', prefix, ...rest] = text.trim().split('/');
  const parsed = parseAddress(address);
  if (!parsed || rest.length > 0) return null;
  const bitsMax = parsed.kind() === 'ipv4' ? 32 : 128;
  if (prefix === undefined) return [parsed, bitsMax];
  if (!/^\d{1,3}$/.test(prefix)) return null;
  const wasMapped = parsed.kind() === 'ipv4' && address.includes(':');
  const bits = Number(prefix) - (wasMapped ? MAPPED_PREFIX_BITS : 0);
  return bits < 0 || bits > bitsMax ? null : [parsed, bits];
};

const normalized = new LRUCache<string, string>({ max: 5_000 });

/** The address as logs, limits and request records show it. */
export const normalizeAddress = (text: string): string => {
  // Callers come again and again: parsing costs 1 µs, finding next to nothing.
  const known = normalized.get(text);
  if (known !== undefined) return known;
  const address = parseAddress(text)?.toString() ?? text.slice(0, 64);
  normalized.set(text, address);
  return address;
};

/** What shares one limit of refusals: an IPv4 address, or the /64 that one IPv6 customer is given. */
export const addressGroup = (text: string): string => {
  const address = parseAddress(text);
  if (address?.kind() !== 'ipv6') return address?.toString() ?? 'unknown';
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString()}/64`;
};

/**
 * Turns a key's IP list into a question. An empty list lets every address in; an entry that cannot be read lets none
 * in; a client address that cannot be read is in no list.
 *
 * @param entries addresses and CIDR ranges, IPv4, IPv6 and IPv4-mapped
 */
export const compileIpList = (entries: readonly string[]): ((address: string) => boolean) => {
  if (entries.length === 0) return () => true;
  const ranges = entries.map(parseRange).filter((range) => range !== null);
  return (text) => {
    const address = parseAddress(text);
    if (!address) return false;
    return ranges.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  };
};
