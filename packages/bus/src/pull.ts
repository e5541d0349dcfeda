import type { StreamContract } from '@switchboard/contracts';
import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  type Msg,
  type NatsConnection,
  nanos,
  type Subscription,
} from 'nats';
import { backoffMs, pause } from './backoff.ts';
import type { Connection } from './connection.ts';
import { nanosOf } from './dead.ts';
import type { Log } from './log.ts';
import { isNotFound, type Streams } from './streams.ts';

const PULL_EXPIRES_MS = 20_000;
// While it has nothing for us the server says so every few seconds; silence means that the consumer is gone.
const HEARTBEAT_MS = 5_000;
const SILENCE_MAX_MS = 12_000;
const GONE_BACKOFF = { firstMs: 1_500, maxMs: 1_500 };
const API_TIMEOUT_MS = 5_000;
const HEARTBEAT = 100;

export interface PullOptions {
  readonly stream: StreamContract;
  readonly filterSubject: string;
  readonly durable: string;
  readonly ackWaitSeconds: number;
  /** Most messages unacknowledged over all replicas, delayed ones included. */
  readonly ackPendingMax: number;
  /** How many messages may come now. */
  readonly room: () => number;
  readonly onMessage: (msg: Msg, nc: NatsConnection) => void;
}

export interface Puller {
  /** There is room again. */
  refill(): void;
  /** Takes no more messages; what is on its way still reaches `onMessage`. */
  stop(): Promise<void>;
  lag(): Promise<{ pending: number; ackPending: number; redelivered: number } | null>;
}

/**
 * Asks JetStream for exactly as many messages as there is room for, so that none waits in our memory while its ack
 * time runs. (The client's own `consume` prefetches.) Makes stream and durable consumer, also when they vanish.
 */
export const startPulling = (
  connection: Connection,
  streams: Streams,
  log: Log,
  options: PullOptions,
): Puller => {
  const { stream, durable } = options;
  const stopping = new AbortController();
  // What is asked for: an upper bound by pull, since a message does not say which pull it answers.
  const pulls = new Map<string, { left: number; expiresAtMs: number }>();
  let requested = 0;
  let pullNumber = 0;
  let lastHeardMs = performance.now();
  let subscription: Subscription | null = null;
  let inbox = '';
  let client: NatsConnection | null = null;
  let syncing: Promise<void> | null = null;
  let syncAgain = false;
  let refillPlanned = false;
  let verifying: NodeJS.Timeout | null = null;

  const provideConsumer = async (nc: NatsConnection) => {
    await streams.repair(stream);
    const jsm = await nc.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
    const wanted = {
      durable_name: durable,
      filter_subject: options.filterSubject,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanosOf(options.ackWaitSeconds),
      deliver_policy: DeliverPolicy.All,
      // Dead-lettering is ours: max_deliver would only stop delivering, silently.
      max_deliver: -1,
      max_ack_pending: options.ackPendingMax,
    };
    const found = await jsm.consumers.info(stream.name, durable).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (found && found.config.filter_subject !== wanted.filter_subject) {
      // nats-server 2.9 takes another filter but goes on comparing as the old one wants. What was handled before comes
      // again and finds its inbox row.
      log.warn(
        { consumer: durable, was: found.config.filter_subject, is: wanted.filter_subject },
        'The consumer is made anew with another filter',
      );
      await jsm.consumers.delete(stream.name, durable);
    } else if (found) {
      const { ack_wait, max_ack_pending } = wanted;
      if (found.config.ack_wait === ack_wait && found.config.max_ack_pending === max_ack_pending) return;
      await jsm.consumers.update(stream.name, durable, { ack_wait, max_ack_pending });
      return;
    }
    await jsm.consumers.add(stream.name, wanted);
  };

  const readInfo = async () => {
    if (!connection.isConnected()) return null;
    const nc = await connection.ready(API_TIMEOUT_MS);
    const jsm = await nc.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
    return jsm.consumers.info(stream.name, durable);
  };
  const isGone = () => readInfo().then(() => false, isNotFound);

  const askMore = () => {
    refillPlanned = false;
    const nc = client;
    if (!nc || stopping.signal.aborted || !connection.isConnected()) return;
    const batch = options.room() - requested;
    if (batch <= 0) return;
    pullNumber += 1;
    const reply = `${inbox}.${pullNumber}`;
    pulls.set(reply, { left: batch, expiresAtMs: performance.now() + PULL_EXPIRES_MS });
    if (requested === 0) lastHeardMs = performance.now();
    requested += batch;
    nc.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream.name}.${durable}`,
      JSON.stringify({ batch, expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) }),
      { reply },
    );
  };

  const refill = () => {
    // One question for all slots that came free in this turn of the event loop.
    if (refillPlanned || stopping.signal.aborted) return;
    refillPlanned = true;
    setImmediate(askMore);
  };

  const endPull = (reply: string, unused: number) => {
    pulls.delete(reply);
    let most = 0;
    for (const pull of pulls.values()) most += pull.left;
    requested = Math.max(0, Math.min(requested - unused, most));
  };

  const onStatus = (msg: Msg, code: number) => {
    const unused = Number(msg.headers?.get('Nats-Pending-Messages') || Number.NaN);
    const description = msg.headers?.description ?? '';
    if (code === 503 || (code === 409 && /consumer deleted|no responders/i.test(description))) {
      if (!verifying)
        log.warn({ stream: stream.name, consumer: durable, code }, 'The consumer is gone; making it again');
      return resyncLater();
    }
    endPull(msg.subject, Number.isNaN(unused) ? requested : unused);
    if (code === 404 || code === 408) return refill();
    // 409: the server shuts down, or a limit is reached. Asking again at once would only be refused again.
    log.debug({ consumer: durable, code, description }, 'JetStream ended a pull');
    setTimeout(refill, backoffMs(1, { firstMs: 1_000, maxMs: 1_000 }));
  };

  const subscribeAnew = (nc: NatsConnection) => {
    // In order: what is on its way to the old inbox still arrives.
    subscription?.drain().catch(() => undefined);
    pulls.clear();
    requested = 0;
    inbox = createInbox();
    const prefix = `${inbox}.`;
    subscription = nc.subscribe(`${inbox}.*`, {
      callback: (error, msg) => {
        if (error) return resync();
        lastHeardMs = performance.now();
        const code = msg.headers?.code;
        if (code === HEARTBEAT) return;
        // An answer to a pull keeps the pull's subject; a message of the stream comes under its own.
        if (code && msg.subject.startsWith(prefix)) return onStatus(msg, code);
        requested = Math.max(0, requested - 1);
        options.onMessage(msg, nc);
      },
    });
  };

  const sync = async () => {
    for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
      try {
        const nc = await connection.ready(API_TIMEOUT_MS);
        syncAgain = false;
        await provideConsumer(nc);
        if (stopping.signal.aborted) return;
        client = nc;
        subscribeAnew(nc);
        refill();
        if (!syncAgain) return;
      } catch (error) {
        if (attempt % 10 === 1)
          log.warn(
            { err: error, consumer: durable, stream: stream.name },
            'The consumer cannot be set up yet',
          );
        await pause(backoffMs(attempt, { firstMs: 100, maxMs: 3_000 }), stopping.signal);
      }
    }
  };

  const resync = () => {
    if (stopping.signal.aborted) return;
    syncAgain = true;
    syncing ??= sync().finally(() => {
      syncing = null;
    });
  };

  // A stream that is deleted tells of its consumers first. What is made again before it is gone would go with it, and
  // nats-server removes the files of the new one: so wait for the end, and look once more a little later.
  const resyncLater = () => {
    verifying ??= setTimeout(
      async () => {
        verifying = null;
        if (await isGone()) {
          resync();
          resyncLater();
        } else if (requested > 0) {
          // There is one, perhaps another: what we asked the old one for is void.
          resync();
        }
      },
      backoffMs(1, GONE_BACKOFF),
    );
  };

  // Between a lost connection and the next nothing is asked for: what was asked is void.
  const forget = connection.onConnect(resync);
  const watchdog = setInterval(() => {
    const nowMs = performance.now();
    if (requested > 0 && nowMs - lastHeardMs > SILENCE_MAX_MS && connection.isConnected()) resync();
    for (const [reply, pull] of pulls) if (pull.expiresAtMs + SILENCE_MAX_MS < nowMs) endPull(reply, 0);
    refill();
  }, 5_000);
  resync();

  return {
    refill,
    async stop() {
      stopping.abort();
      forget();
      clearInterval(watchdog);
      if (verifying) clearTimeout(verifying);
      // Not after waiting for anything: what is given back next must not come to us again.
      const drained = connection.isConnected() ? subscription?.drain().catch(() => undefined) : undefined;
      await Promise.all([syncing, drained]);
    },
    async lag() {
      const info = await readInfo().catch(() => null);
      return (
        info && {
          pending: info.num_pending,
          ackPending: info.num_ack_pending,
          redelivered: info.num_redelivered,
        }
      );
    },
  };
};
