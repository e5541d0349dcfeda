import { lookup } from 'node:dns/promises';
import type { Environment } from '@switchboard/contracts';

/** Gives every address of a name, in the order to try them. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

export interface TargetPolicy {
  /** Plain http is refused. */
  readonly requireHttps: boolean;
  /**
   * For local work and tests: opens loopback, private ranges, local names and plain http. Link-local and metadata
   * addresses stay shut.
   */
  readonly allowPrivate: boolean;
  /** All calls go through this egress proxy, which then resolves names; addresses written out are checked all the same. */
  readonly proxyUrl?: string | undefined;
  /** Where addresses come from; the system's resolver by default. */
  readonly resolve?: Resolver;
}

/** The system's resolver, `/etc/hosts` included. */
export const systemResolver: Resolver = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * Where what belongs to an environment may be sent or fetched from. Production: https and public addresses, whatever the
 * operator opened. Sandbox: plain http too, and private addresses where the operator opened them.
 */
export const targetPolicyFor = (
  environment: Environment,
  settings: Omit<TargetPolicy, 'requireHttps'>,
): TargetPolicy => ({
  ...settings,
  requireHttps: environment === 'production',
  allowPrivate: environment === 'sandbox' && settings.allowPrivate,
});
