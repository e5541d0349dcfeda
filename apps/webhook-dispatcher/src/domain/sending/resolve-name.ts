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

const atMost = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
};

/** So long the other kind of address is waited for when one is there: many name servers never answer about IPv6. */
const OTHER_KIND_MS = 300;

export interface TargetResolverOptions {
  /** Only these are asked, never the system; null: the system's, and the system itself about what they do not know. */
  readonly servers?: readonly string[] | null;
  readonly system?: Resolver;
}

/**
 * Resolves names of targets without letting one hold up another. The system's resolver waits on one of Node's four
 * threads: four names whose servers are silent would stop every delivery. So name servers are asked over sockets, and
 * the system (for `/etc/hosts` and local names) only about what they do not know, at most two at a time.
 */
export const createTargetResolver = (options: TargetResolverOptions = {}): Resolver => {
  const { servers = null } = options;
  const dns = new DnsResolver({ timeout: 2_000, tries: 2 });
  if (servers) dns.setServers(servers);
  const system = limitTo(SYSTEM_LOOKUPS_MAX, options.system ?? systemResolver);
  return async (hostname) => {
    const addresses: string[] = [];
    const questions = [dns.resolve4(hostname), dns.resolve6(hostname)].map((question) =>
      question.then((answer) => addresses.push(...answer)),
    );
    const answers = Promise.allSettled(questions);
    await Promise.any(questions).catch(() => undefined);
    if (addresses.length > 0) {
      await atMost(OTHER_KIND_MS, answers);
      // What comes later is not in it: it would be connected to unchecked.
      return [...addresses];
    }
    const faults = (await answers).flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    const other = faults.find((fault) => !NOT_IN_DNS.has(codeOf(fault)));
    if (other !== undefined) throw other;
    if (servers) throw faults[0];
    return system(hostname);
  };
};
