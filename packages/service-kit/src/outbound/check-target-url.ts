import { isIP } from 'node:net';
import { refusalOfAddress } from './addresses.ts';
import { TargetRefusedError } from './errors.ts';
import type { TargetPolicy } from './policy.ts';

const URL_CHARACTERS_MAX = 2048;

/** Suffixes that no public name has (RFC 6761, 6762, 8375, 9476, and what clouds and clusters use). */
const LOCAL_SUFFIXES = [
  'localhost',
  'local',
  'internal',
  'intranet',
  'lan',
  'home',
  'corp',
  'localdomain',
  'home.arpa',
];
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.google.internal',
  'instance-data',
  'instance-data.ec2.internal',
]);

const isLocalName = (name: string): boolean =>
  !name.includes('.') || LOCAL_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));

/** The host of a URL as the resolver takes it: IPv6 without brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

const checkPort = (url: URL): void => {
  if (url.port === '') return;
  const port = Number(url.port);
  if (port !== 80 && port !== 443 && port < 1024) throw new TargetRefusedError('port');
};

const checkHost = (host: string, policy: TargetPolicy): void => {
  if (isIP(host) !== 0) {
    const reason = refusalOfAddress(host, policy.allowPrivate);
    if (reason) throw new TargetRefusedError(reason);
    return;
  }
  if (METADATA_NAMES.has(host)) throw new TargetRefusedError('metadata');
  if (!policy.allowPrivate && isLocalName(host)) throw new TargetRefusedError('local name');
};

/**
 * Checks all of a URL that can be checked without resolving its name: syntax, scheme, port, credentials, and the host
 * after the URL parser has brought its spelling (decimal, octal, hex, shortened, full-width) to one form. Use it when
 * a URL is accepted; `resolveTarget` or `fetchTarget` check the addresses when it is called.
 *
 * @returns the URL as it will be called
 * @throws {TargetRefusedError}
 */
export const checkTargetUrl = (text: string, policy: TargetPolicy): URL => {
  // The parser would quietly drop tabs and newlines and turn backslashes round.
  const suspicious = /[\s\\\p{Cc}]/u;
  if (text.length > URL_CHARACTERS_MAX || suspicious.test(text) || !URL.canParse(text)) {
    throw new TargetRefusedError('syntax');
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TargetRefusedError('syntax');
  if (url.protocol === 'http:' && policy.requireHttps && !policy.allowPrivate)
    throw new TargetRefusedError('scheme');
  if (url.username !== '' || url.password !== '') throw new TargetRefusedError('credentials');
  checkPort(url);
  // "name." is the same place as "name", but certificates and lists know it without the dot.
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.slice(0, -1);
  if (url.hostname.split('.').includes('')) throw new TargetRefusedError('syntax');
  checkHost(hostOf(url), policy);
  url.hash = '';
  return url;
};
