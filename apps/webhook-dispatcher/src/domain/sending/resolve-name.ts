import { Resolver as DnsResolver } from 'node:dns/promises';
import { type Resolver, systemResolver } from '@switchboard/service-kit';

/** What the name servers say when the name is not theirs, or when there are none: files and mDNS may know it. */
const NOT_IN_DNS = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);
const SYSTEM_LOOKUPS_MAX = 2;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

/** Lets so many run at a time; the others wait in order. */
const limitTo = (max: number, resolve: Resolver): Resolver => {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (hostname) => {
    if (running >= max) await new Promise<void>((start) => waiting.push(start));
    else running += 1;
    try {
      return await resolve(hostname);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};

/**
 * Resolves names of targets without letting one hold up another. The system's resolver waits on one of Node's four
 * threads: four names whose servers are silent would stop every delivery. So name servers are asked over sockets, and
 * the system (for `/etc/hosts` and local names) only about what they do not know, at most two at a time.
 */
export const createTargetResolver = (fallback: Resolver = systemResolver): Resolver => {
  const dns = new DnsResolver({ timeout: 2_000, tries: 2 });
  const system = limitTo(SYSTEM_LOOKUPS_MAX, fallback);
  return async (hostname) => {
    const answers = await Promise.allSettled([dns.resolve4(hostname), dns.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0) return addresses;
    const faults = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    const other = faults.find((fault) => !NOT_IN_DNS.has(codeOf(fault)));
    if (other !== undefined) throw other;
    return system(hostname);
  };
};
