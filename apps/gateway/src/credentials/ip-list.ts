import { type ClientAddress, parseClientAddress } from '@switchboard/service-kit';
import { LRUCache } from 'lru-cache';

type Range = readonly [ClientAddress, number];

const MAPPED_PREFIX_BITS = 96;

const parseRange = (text: string): Range | null => {
  const [address = '', prefix, ...rest] = text.trim().split('/');
  const parsed = parseClientAddress(address);
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
  const address = parseClientAddress(text)?.toString() ?? text.slice(0, 64);
  normalized.set(text, address);
  return address;
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
    const address = parseClientAddress(text);
    if (!address) return false;
    return ranges.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  };
};
