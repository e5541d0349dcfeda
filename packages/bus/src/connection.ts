import { AppError } from '@switchboard/contracts';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import { backoffMs, pause } from './backoff.ts';
import type { Log } from './log.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 10_000;

/** The one connection of a process. It comes back by itself, for ever, whatever happened to it. */
export interface Connection {
  isConnected(): boolean;
  /** Waits for the connection; AppError SERVICE_UNAVAILABLE when there is none in time. */
  ready(timeoutMs: number): Promise<NatsConnection>;
  /** Called with every new client connection (now, if there is one): subscriptions are made here. */
  onOpen(listener: (nc: NatsConnection) => void): () => void;
  /** Called whenever NATS answers again, also after a short break: whatever the broker holds is checked here. */
  onConnect(listener: () => void): () => void;
  close(options?: { drain?: boolean }): Promise<void>;
}

interface ConnectInput {
  readonly url: string;
  readonly name: string;
  readonly log: Log;
}

/** `nats://user:password@host:port`, several with commas; a name without a password is a token; `tls://` is TLS. */
const connectionOptions = (url: string, name: string): ConnectionOptions => {
  const urls = url
    .split(',')
    .map((part) => new URL(part.includes('://') ? part.trim() : `nats://${part.trim()}`));
  const [first] = urls;
  if (!first) throw new TypeError('NATS_URL is empty');
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  return {
    servers: urls.map((each) => each.host),
    name,
    ...(user && pass ? { user, pass } : user ? { token: user } : {}),
    ...(first.protocol === 'tls:' ? { tls: {} } : {}),
    timeout: CONNECT_TIMEOUT_MS,
    // A half-dead TCP connection is noticed within 20 s; the client's default is 4 minutes.
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => 50 + Math.round(Math.random() * 450),
    // A server that is being set up may refuse the password for a moment; giving up would need a restart by hand.
    ignoreAuthErrorAbort: true,
    // The client makes an Error for every request otherwise, only for its stack: a third of the publishing cost.
    noAsyncTraces: true,
  };
};

export const openConnection = ({ url, name, log }: ConnectInput): Connection => {
  const options = connectionOptions(url, name);
  const stopping = new AbortController();
  const openListeners = new Set<(nc: NatsConnection) => void>();
  const connectListeners = new Set<() => void>();
  let client: NatsConnection | null = null;
  let connected = false;

  const announce = () => {
    connected = true;
    for (const listener of [...connectListeners]) listener();
  };

  const watch = async (nc: NatsConnection) => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        connected = false;
        if (!stopping.signal.aborted) log.warn({ server: status.data }, 'NATS is away; reconnecting');
      } else if (status.type === 'reconnect') {
        log.info({ server: status.data }, 'NATS is back');
        announce();
      } else if (status.type === 'error') {
        log.warn({ code: status.data }, 'NATS reported an error');
      }
    }
  };

  const run = async () => {
    for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
      try {
        const nc = await connect(options);
        if (stopping.signal.aborted) return void (await nc.close());
        attempt = 0;
        client = nc;
        void watch(nc);
        log.info({ server: nc.getServer() }, 'Connected to NATS');
        for (const listener of [...openListeners]) listener(nc);
        announce();
        const failure = await nc.closed();
        client = null;
        connected = false;
        if (!stopping.signal.aborted)
          log.warn({ err: failure ?? undefined }, 'The NATS connection closed; opening another');
      } catch (error) {
        if (attempt === 1 || attempt % 20 === 0) {
          log.warn(
            { server: options.servers, err: error, attempt },
            'NATS does not answer; is it running? Trying on',
          );
        }
      }
      await pause(backoffMs(Math.max(attempt, 1), { firstMs: 100, maxMs: 2_000 }), stopping.signal);
    }
  };
  const running = run();

  const connection: Connection = {
    isConnected: () => connected,
    ready(timeoutMs) {
      if (client && connected) return Promise.resolve(client);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          forget();
          reject(
            new AppError('SERVICE_UNAVAILABLE', { message: 'The message broker (NATS) cannot be reached' }),
          );
        }, timeoutMs);
        const forget = connection.onConnect(() => {
          if (!client) return;
          clearTimeout(timer);
          forget();
          resolve(client);
        });
      });
    },
    onOpen(listener) {
      openListeners.add(listener);
      if (client) listener(client);
      return () => openListeners.delete(listener);
    },
    onConnect(listener) {
      connectListeners.add(listener);
      return () => connectListeners.delete(listener);
    },
    async close({ drain = false } = {}) {
      stopping.abort();
      const nc = client;
      // Draining needs an answer from the server: without one it would wait for ever.
      if (nc && drain && connected)
        await Promise.race([nc.drain().catch(() => undefined), pause(CONNECT_TIMEOUT_MS)]);
      if (nc && !nc.isClosed()) await nc.close();
      connected = false;
      await running;
    },
  };
  return connection;
};
