import { deadStream, type Envelope, type StreamContract } from '@switchboard/contracts';
import type { Msg, NatsConnection } from 'nats';
import { type Backoff, backoffMs, pause } from './backoff.ts';
import type { Connection } from './connection.ts';
import { deadMessageOf, nanosOf, ONLY_CONSUMER_HEADER } from './dead.ts';
import { parseEnvelope } from './envelope.ts';
import { GiveBack, InvalidMessageError, isTransientBusError } from './errors.ts';
import type { Log, TraceHooks } from './log.ts';
import type { createPublisher } from './publish.ts';
import { startPulling } from './pull.ts';
import type { Streams } from './streams.ts';

/** One message in the hands of a handler. */
export interface Delivery {
  readonly subject: string;
  readonly envelope: Envelope;
  readonly streamSequence: number;
  /** How often the message was delivered, this time included; given back ones count too. */
  readonly deliveries: number;
  /** Aborted when the consumer is asked to stop: long work gives the message back then. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface ConsumeOptions {
  readonly stream: StreamContract;
  /** One subject, `*` and `>` allowed. */
  readonly filterSubject: string;
  /** The consumer's name, shared by all replicas: each message goes to one of them. */
  readonly durable: string;
  /** Seconds after which the message of a dead process goes to another; a slow handler keeps its own. Default 30. */
  readonly ackWaitSeconds?: number;
  /** Most messages handled at a time by this process; default 8. */
  readonly concurrency?: number;
  /** After so many failures (not counting transient ones) a message is dead; default 5. */
  readonly failuresMax?: number;
  /** Delay between failures; default 0.5 s doubling to 60 s. */
  readonly backoff?: Backoff;
  /** True for faults that pass by themselves: retried for ever, never dead. Beside those of the bus itself. */
  readonly isTransient?: (error: unknown) => boolean;
  /**
   * Resolves: done, acknowledged. Throws: tried again later; `GiveBack` after its seconds, `InvalidMessageError` never.
   */
  readonly handler: (delivery: Delivery) => Promise<void>;
}

export interface ConsumerStats {
  readonly inFlight: number;
  readonly handled: number;
  readonly failed: number;
  readonly givenBack: number;
  readonly dead: number;
}

export interface Consumer {
  readonly durable: string;
  readonly stream: string;
  stats(): ConsumerStats;
  /** Messages waiting and messages delivered but not done, over all replicas; null while NATS is away. */
  lag(): Promise<{ pending: number; ackPending: number; redelivered: number } | null>;
  /** Takes no more messages, waits for the handlers up to the deadline (default 20 s), then gives back what is left. */
  stop(options?: { readonly deadlineSeconds?: number }): Promise<void>;
}

interface InFlight {
  reply: string;
  settled: boolean;
}

interface Failures {
  counted: number;
  transient: number;
}

const BACKOFF: Backoff = { firstMs: 500, maxMs: 60_000 };
// Short, because the whole backlog waits for it when Postgres is back.
const TRANSIENT_BACKOFF: Backoff = { firstMs: 250, maxMs: 5_000 };
const ACK_TIMEOUT_MS = 5_000;
const ACK_TRIES = 3;
const REMEMBERED_FAILURES_MAX = 10_000;

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`; newer servers add two tokens. */
const readAckSubject = (reply: string) => {
  const tokens = reply.split('.');
  const from = tokens.length === 9 ? 4 : 6;
  const [deliveries = '0', streamSequence = '0', , timestampNanos = '0'] = tokens.slice(from);
  return { deliveries: Number(deliveries), streamSequence: Number(streamSequence), timestampNanos };
};

const messageOfError = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

/** Starts a durable consumer that survives restarts of NATS, its own deletion and the loss of the stream. */
export const createConsume =
  (
    connection: Connection,
    streams: Streams,
    publisher: ReturnType<typeof createPublisher>,
    busLog: Log,
    trace: TraceHooks,
  ) =>
  (options: ConsumeOptions): Consumer => {
    const { durable, concurrency = 8, ackWaitSeconds = 30, failuresMax = 5, backoff = BACKOFF } = options;
    const stopping = new AbortController();
    const inFlight = new Map<string, InFlight>();
    const running = new Set<Promise<void>>();
    // By process: with several replicas, or after a restart, a message may fail more often before it is dead.
    const failures = new Map<string, Failures>();
    const counts = { handled: 0, failed: 0, givenBack: 0, dead: 0 };

    const failuresOf = (key: string): Failures => {
      const known = failures.get(key) ?? { counted: 0, transient: 0 };
      failures.delete(key);
      failures.set(key, known);
      const [oldest] = failures.keys();
      if (failures.size > REMEMBERED_FAILURES_MAX && oldest !== undefined) failures.delete(oldest);
      return known;
    };

    const respond = (nc: NatsConnection, held: InFlight, body: string) => {
      if (held.settled || nc.isClosed()) return;
      nc.publish(held.reply, body);
    };
    const giveBack = (nc: NatsConnection, held: InFlight, delayMs: number) => {
      respond(nc, held, delayMs > 0 ? `-NAK {"delay":${nanosOf(delayMs / 1000)}}` : '-NAK');
      held.settled = true;
    };
    const acknowledge = async (nc: NatsConnection, held: InFlight) => {
      if (held.settled) return;
      // With an answer of the server: an ack lost on the way would bring the message once more.
      for (let attempt = 1; attempt <= ACK_TRIES; attempt += 1) {
        try {
          await nc.request(held.reply, '+ACK', { timeout: ACK_TIMEOUT_MS });
          break;
        } catch (error) {
          busLog.debug({ err: error, consumer: durable, attempt }, 'An ack was not confirmed');
        }
      }
      held.settled = true;
    };

    const bury = async (nc: NatsConnection, msg: Msg, held: InFlight, error: unknown) => {
      const about = readAckSubject(held.reply);
      try {
        await streams.ensure(deadStream);
        await publisher.publish(
          deadMessageOf({
            ...about,
            subject: msg.subject,
            payload: msg.data,
            headers: msg.headers,
            consumer: durable,
            error: messageOfError(error),
          }),
        );
      } catch (publishError) {
        busLog.error(
          { err: publishError, consumer: durable },
          'A dead message could not be set aside; it comes again',
        );
        return giveBack(nc, held, backoffMs(1, { firstMs: 5_000, maxMs: 5_000 }));
      }
      counts.dead += 1;
      busLog.error(
        {
          err: error,
          consumer: durable,
          subject: msg.subject,
          eventId: msg.headers?.get('ce-id'),
          sequence: about.streamSequence,
        },
        'A message cannot be handled and was set aside; `switchboard dead list` shows it',
      );
      await acknowledge(nc, held);
    };

    const handle = async (nc: NatsConnection, msg: Msg, held: InFlight, key: string) => {
      const { deliveries, streamSequence } = readAckSubject(msg.reply ?? '');
      const only = msg.headers?.get(ONLY_CONSUMER_HEADER);
      if (only && only !== durable) return acknowledge(nc, held);
      try {
        const envelope = parseEnvelope(msg.data);
        const { subject } = msg;
        await trace.run(envelope.traceparent, `${durable} ${subject}`, () =>
          options.handler({
            subject,
            envelope,
            streamSequence,
            deliveries,
            signal: stopping.signal,
            log: busLog,
          }),
        );
        failures.delete(key);
        await acknowledge(nc, held);
        counts.handled += 1;
      } catch (error) {
        if (error instanceof GiveBack) {
          counts.givenBack += 1;
          return giveBack(nc, held, error.seconds * 1000);
        }
        if (error instanceof InvalidMessageError) return bury(nc, msg, held, error);
        if (stopping.signal.aborted) return giveBack(nc, held, 0);
        const known = failuresOf(key);
        const context = {
          err: error,
          consumer: durable,
          subject: msg.subject,
          eventId: msg.headers?.get('ce-id'),
          deliveries,
        };
        if (isTransientBusError(error) || options.isTransient?.(error) === true) {
          known.transient += 1;
          busLog.warn(context, 'A message waits: something it needs is away');
          return giveBack(nc, held, backoffMs(known.transient, TRANSIENT_BACKOFF));
        }
        known.counted += 1;
        counts.failed += 1;
        if (known.counted >= failuresMax) {
          failures.delete(key);
          return bury(nc, msg, held, error);
        }
        busLog.warn(context, 'A message could not be handled; it will be tried again');
        giveBack(nc, held, backoffMs(known.counted, backoff));
      }
    };

    const onMessage = (msg: Msg, nc: NatsConnection) => {
      const reply = msg.reply ?? '';
      const { streamSequence, timestampNanos } = readAckSubject(reply);
      const key = `${streamSequence}:${timestampNanos}`;
      const present = inFlight.get(key);
      if (present && !present.settled) {
        // Delivered again while we work on it (we were cut off longer than the ack time): answer to the newer one.
        present.reply = reply;
        return;
      }
      const held: InFlight = { reply, settled: false };
      // More than was asked for comes only while an old question and a new one overlap.
      if (stopping.signal.aborted || inFlight.size >= concurrency) return giveBack(nc, held, 0);
      inFlight.set(key, held);
      const heartbeat = setInterval(() => respond(nc, held, '+WPI'), (ackWaitSeconds * 1000) / 3);
      const work = handle(nc, msg, held, key)
        .catch((error: unknown) =>
          busLog.error({ err: error, consumer: durable }, 'A consumer failed; its message comes again'),
        )
        .finally(() => {
          clearInterval(heartbeat);
          if (inFlight.get(key) === held) inFlight.delete(key);
          running.delete(work);
          puller.refill();
        });
      running.add(work);
    };

    const puller = startPulling(connection, streams, busLog, {
      stream: options.stream,
      filterSubject: options.filterSubject,
      durable,
      ackWaitSeconds,
      ackPendingMax: Math.max(1_000, concurrency * 10),
      room: () => concurrency - inFlight.size,
      onMessage,
    });

    return {
      durable,
      stream: options.stream.name,
      stats: () => ({ inFlight: inFlight.size, ...counts }),
      lag: () => puller.lag(),
      async stop({ deadlineSeconds = 20 } = {}) {
        const stopped = puller.stop();
        stopping.abort();
        const drained = stopped.then(() => Promise.all(running));
        const deadline = new AbortController();
        await Promise.race([drained, pause(deadlineSeconds * 1000, deadline.signal)]);
        deadline.abort();
        if (inFlight.size === 0) return;
        busLog.warn(
          { consumer: durable, messages: inFlight.size },
          'Handlers did not end in time; their messages go to others',
        );
        const nc = await connection.ready(1_000).catch(() => null);
        for (const held of inFlight.values()) if (nc) giveBack(nc, held, 0);
      },
    };
  };
