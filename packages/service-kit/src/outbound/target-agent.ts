import { isIP } from 'node:net';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import { checkTargetUrl } from './check-target-url.ts';
import { TargetFailedError } from './errors.ts';
import type { TargetPolicy } from './policy.ts';
import { resolveHost } from './resolve-target.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A name may have any number of addresses; whoever controls it shall not choose how long we try. */
const ADDRESSES_TRIED_MAX = 4;

type Connector = ReturnType<typeof buildConnector>;
type ConnectOptions = Parameters<Connector>[0];
type ConnectedSocket = NonNullable<Parameters<Parameters<Connector>[1]>[1]>;

const connectTo = (connector: Connector, options: ConnectOptions): Promise<ConnectedSocket> =>
  new Promise((resolve, reject) => {
    connector(options, (error, socket) => {
      if (socket) resolve(socket);
      else reject(error ?? new Error('no socket'));
    });
  });

/**
 * Connects to an address that was checked, never to a name: what the name resolves to a moment later does not matter.
 * The name stays what TLS asks for and what the certificate is checked against.
 */
const connectChecked = async (
  connector: Connector,
  policy: TargetPolicy,
  options: ConnectOptions,
): Promise<ConnectedSocket> => {
  const host = options.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await resolveHost(host, policy);
  const { servername, ...rest } = options;
  const tlsName = options.protocol === 'https:' && isIP(host) === 0 ? { servername: servername ?? host } : {};
  let failure: unknown;
  for (const address of addresses.slice(0, ADDRESSES_TRIED_MAX)) {
    try {
      return await connectTo(connector, { ...rest, ...tlsName, hostname: address });
    } catch (error) {
      failure = error;
    }
  }
  throw new TargetFailedError('connection', `${host} cannot be connected to`, { cause: failure });
};

export interface TargetAgentOptions {
  /** Most connections to one origin; default 16. */
  readonly connectionsMax?: number;
  /** Idle time after which a connection is closed; default 4 s. A shorter one meets fewer that the other side closed. */
  readonly keepAliveMs?: number;
}

const createDirectAgent = (policy: TargetPolicy, limits: TargetAgentOptions): Agent => {
  // HTTP/1.1 only: one request, one connection, one answer is what these calls need.
  const connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
  return new Agent({
    connect: (options, callback) => {
      connectChecked(connector, policy, options).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
    connections: limits.connectionsMax ?? 16,
    keepAliveTimeout: limits.keepAliveMs ?? 4000,
    keepAliveMaxTimeout: 10_000,
  });
};

/**
 * An undici dispatcher for URLs that callers gave us. Whatever is sent through it, also by redirects, is checked: the
 * URL at dispatch, the addresses at connect. With `policy.proxyUrl` the proxy connects, and decides about names.
 *
 * Close it at shutdown. Errors of a request: `TargetRefusedError`, `TargetFailedError`, or undici's.
 */
export const createTargetAgent = (policy: TargetPolicy, limits: TargetAgentOptions = {}): Dispatcher => {
  const agent =
    policy.proxyUrl === undefined
      ? createDirectAgent(policy, limits)
      : new ProxyAgent({ uri: policy.proxyUrl, proxyTunnel: true, connectTimeout: CONNECT_TIMEOUT_MS });
  return agent.compose((dispatch) => (options, handler) => {
    // One after the other and not resolved: a path of //other/ would name another host, and that one would be checked.
    checkTargetUrl(`${new URL(options.origin ?? '').origin}${options.path}`, policy);
    return dispatch(options, handler);
  });
};
