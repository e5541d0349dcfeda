import { checkTargetUrl, createTargetAgent, type Resolver, targetPolicyFor } from '@switchboard/service-kit';
import type { Dispatcher } from 'undici';
import { createTargetResolver } from './resolve-name.ts';
import { type TargetOwner, targetRulesOf } from './target-rules.ts';

export interface TargetSettings {
  /** Opens loopback and private addresses to sandbox deliveries. */
  readonly allowPrivate: boolean;
  readonly proxyUrl?: string | undefined;
  /** Name servers that alone are asked; the system's, and the system itself, when left out. */
  readonly dnsServers?: readonly string[] | undefined;
  /** Where addresses come from instead. */
  readonly resolve?: Resolver;
  /** Most connections to one target. */
  readonly connectionsMax: number;
}

/**
 * Bursts share connections; after a second of silence a connection is let go, before receivers with short keep-alive
 * times (2 s is common) close it under a request and make an attempt fail that need not.
 */
const KEEP_ALIVE_MS = 1_000;

export interface Targets {
  /** The URL as it is called; throws `TargetRefusedError`. */
  check(url: string, owner: TargetOwner): URL;
  /** What sends to targets of an owner, and refuses addresses that its rules forbid. */
  dispatcher(owner: TargetOwner): Dispatcher;
  close(): Promise<void>;
}

export const createTargets = (settings: TargetSettings): Targets => {
  const open = {
    allowPrivate: settings.allowPrivate,
    proxyUrl: settings.proxyUrl,
    resolve: settings.resolve ?? createTargetResolver({ servers: settings.dnsServers ?? null }),
  };
  const policies = {
    production: targetPolicyFor('production', open),
    sandbox: targetPolicyFor('sandbox', open),
  };
  const options = { connectionsMax: settings.connectionsMax, keepAliveMs: KEEP_ALIVE_MS };
  const agents = {
    production: createTargetAgent(policies.production, options),
    sandbox: createTargetAgent(policies.sandbox, options),
  };
  return {
    check: (url, owner) => checkTargetUrl(url, policies[targetRulesOf(owner, settings.allowPrivate)]),
    dispatcher: (owner) => agents[targetRulesOf(owner, settings.allowPrivate)],
    async close() {
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()));
    },
  };
};
