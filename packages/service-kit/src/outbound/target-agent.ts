import { isIP } from 'node:net';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { checkTargetUrl } from './check-target-url.ts';
import { TargetFailedError } from './errors.ts';
import type { TargetPolicy } from './policy.ts';
import { resolveHost } from './resolve-target.ts';
import { ReusingClient } from './reusing-client.ts';

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

/** What agents have in common, direct ones and those behind a proxy. */
const agentOptions = (limits: TargetAgentOptions) => ({
  connections: limits.connectionsMax ?? 16,
  keepAliveTimeout: limits.keepAliveMs ?? 4000,
  keepAliveMaxTimeout: 10_000,
  // HTTP/1.1 only: one request, one connection, one answer is what these calls need. It has to be said here too, or
  // undici makes one connection to find out, and all that goes to that origin waits for it, however long it hangs.
  allowH2: false,
  factory: (origin: string | URL, options: object) =>
    new Pool(origin, { ...options, factory: (...args) => new ReusingClient(...args) }),
});

const createDirectAgent = (policy: TargetPolicy, limits: TargetAgentOptions): Agent => {
  const connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
  return new Agent({
    ...agentOptions(limits),
    connect: (options, callback) => {
      connectChecked(connector, policy, options).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });
};

/** The proxy connects, and decides about names. What fails on the way to it is no fault of the target, and said so. */
const createProxyAgent = (proxyUrl: string, limits: TargetAgentOptions): ProxyAgent => {
  const connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
  const connect: Connector = (options, callback) =>
    connector(options, (cause, socket) => {
      if (cause)
        callback(new TargetFailedError('proxy', 'the egress proxy cannot be reached', { cause }), null);
      else if (socket) callback(null, socket);
    });
  return new ProxyAgent({
    ...agentOptions(limits),
    uri: proxyUrl,
    proxyTunnel: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A proxy that takes the connection and never answers CONNECT would hold sockets for minutes.
    clientFactory: (url) => new Pool(url, { connect, allowH2: false, headersTimeout: CONNECT_TIMEOUT_MS }),
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
      : createProxyAgent(policy.proxyUrl, limits);
  return agent.compose((dispatch) => (options, handler) => {
    // One after the other and not resolved: a path of //other/ would name another host, and that one would be checked.
    checkTargetUrl(`${new URL(options.origin ?? '').origin}${options.path}`, policy);
    return dispatch(options, handler);
  });
};
