import { isIP } from 'node:net';
import { refusalOfAddress } from './addresses.ts';
import { checkTargetUrl, hostOf } from './check-target-url.ts';
import { TargetFailedError, TargetRefusedError } from './errors.ts';
import { systemResolver, type TargetPolicy } from './policy.ts';

const RESOLVE_TIMEOUT_MS = 5000;
/** An answer over TCP holds thousands; checking them all for every connection is work that strangers would choose. */
const ADDRESSES_MAX = 100;

const inTime = async <Value>(work: Promise<Value>, hostname: string): Promise<Value> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new TargetFailedError('unresolvable', `${hostname} was not resolved in ${RESOLVE_TIMEOUT_MS / 1000} s`),
    );
  }, RESOLVE_TIMEOUT_MS);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Resolves a name once and checks every address: one bad address refuses the target, for whoever controls the name
 * would otherwise only need to ask often enough.
 *
 * @throws {TargetRefusedError} {@link TargetFailedError} when the name does not resolve
 */
export const resolveHost = async (host: string, policy: TargetPolicy): Promise<readonly string[]> => {
  const resolve = policy.resolve ?? systemResolver;
  let addresses: readonly string[];
  if (isIP(host) === 0) {
    try {
      addresses = await inTime(resolve(host), host);
    } catch (cause) {
      if (cause instanceof TargetFailedError) throw cause;
      throw new TargetFailedError('unresolvable', `${host} does not resolve`, { cause });
    }
  } else {
    addresses = [host];
  }
  if (addresses.length === 0) throw new TargetFailedError('unresolvable', `${host} has no address`);
  if (addresses.length > ADDRESSES_MAX) {
    throw new TargetFailedError('unresolvable', `${host} has more than ${ADDRESSES_MAX} addresses`);
  }
  for (const address of addresses) {
    const reason = refusalOfAddress(address, policy.allowPrivate);
    if (reason) throw new TargetRefusedError(reason);
  }
  return addresses;
};

/** `checkTargetUrl`, then the addresses behind the name: the ones that may be connected to. */
export const resolveTarget = async (
  text: string,
  policy: TargetPolicy,
): Promise<{ url: URL; addresses: readonly string[] }> => {
  const url = checkTargetUrl(text, policy);
  return { url, addresses: await resolveHost(hostOf(url), policy) };
};
