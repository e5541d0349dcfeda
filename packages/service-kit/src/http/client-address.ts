import ipaddr from 'ipaddr.js';

export type ClientAddress = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * An address as a socket or a list names it; null for what is none. IPv4 inside IPv6 (`::ffff:203.0.113.7`) is the IPv4
 * address: the same caller, whatever the socket's family.
 */
export const parseClientAddress = (text: string): ClientAddress | null => {
  const [plain = ''] = text.trim().split('%', 1);
  return ipaddr.isValid(plain) ? ipaddr.process(plain) : null;
};

/** What shares one limit: an IPv4 address, or the /64 that one IPv6 customer is given and has 2^64 addresses in. */
export const addressGroup = (text: string): string => {
  const address = parseClientAddress(text);
  if (address?.kind() !== 'ipv6') return address?.toString() ?? 'unknown';
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/64`).toString()}/64`;
};
