import {
  type Clock,
  createUuidV7Ids,
  type EventContract,
  eventSubject,
  type Ids,
  type StreamContract,
  systemClock,
} from '@switchboard/contracts';
import type { z } from 'zod';
import { openConnection } from './connection.ts';
import { type ConsumeOptions, type Consumer, createConsume } from './consume.ts';
import { createDeadMessages, type DeadMessage } from './dead.ts';
import { createDirect, type DirectListener } from './direct.ts';
import { createEnvelope } from './envelope.ts';
import { type Log, plainTrace, type TraceHooks } from './log.ts';
import {
  createPublisher,
  messageOf,
  type OutgoingMessage,
  type PublishAck,
  type PublishOutcome,
} from './publish.ts';
import { createRpc, type Responder } from './rpc.ts';
import { createStreams, type StreamState } from './streams.ts';
import { createSubscriber, type EventListener, type Listening } from './subscribe.ts';

export interface BusOptions {
  /** `nats://user:password@host:port`; several servers with commas. */
  readonly url: string;
  /** The service's name: what operators see in the server's connection list. */
  readonly name: string;
  readonly log: Log;
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly trace?: TraceHooks;
  /** False: come back at once although NATS is away; readiness tells. Default true: wait for it. */
  readonly waitForConnection?: boolean;
}

export interface PublishEventOptions {
  readonly source: string;
  readonly partition?: string;
  readonly id?: string;
  readonly traceparent?: string;
}

export interface Bus {
  isConnected(): boolean;
  /** Called whenever NATS answers again. Gives the function that ends it. */
  onConnect(listener: () => void): () => void;
  ensureStream(stream: StreamContract): Promise<void>;
  /** What JetStream says of a stream; null when there is none. */
  streamState(name: string): Promise<StreamState | null>;
  /** The ids (`msgId`) of the messages at these numbers of a stream; null where there is none any more. */
  messageIds(stream: string, sequences: readonly number[]): Promise<(string | null)[]>;
  /** Publishes one message and waits for JetStream's ack. BusError: `rejected` never succeeds, the others may later. */
  publish(message: OutgoingMessage, options?: { readonly timeoutMs?: number }): Promise<PublishAck>;
  /** Publishes many at once, in order, and says what became of each. Never throws. */
  publishAll(
    messages: readonly OutgoingMessage[],
    options?: { readonly timeoutMs?: number },
  ): Promise<PublishOutcome[]>;
  /**
   * Publishes an event that belongs to no database change (a service with tables uses `transact` and `emit`). The
   * data is checked against the contract.
   */
  publishEvent<Data extends z.ZodType>(
    event: EventContract<Data>,
    data: z.input<Data>,
    options: PublishEventOptions,
  ): Promise<PublishAck>;
  subscribe<Data extends z.ZodType>(
    event: EventContract<Data>,
    listener: EventListener<Data>,
    options?: { readonly partition?: string },
  ): Listening;
  /** Core NATS, for whoever listens at this moment. False when NATS is away: nobody hears it, and nothing is kept. */
  publishNow(subject: string, payload: string, headers?: Readonly<Record<string, string>>): boolean;
  /** Hears what `publishNow` sends on a subject, while connected. */
  listen(subject: string, listener: DirectListener): Listening;
  request: ReturnType<typeof createRpc>['request'];
  respond: ReturnType<typeof createRpc>['respond'];
  consume(options: ConsumeOptions): Consumer;
  listDead(options?: { readonly limit?: number; readonly afterSequence?: number }): Promise<DeadMessage[]>;
  putBackDead(which: { readonly sequence: number } | 'all'): Promise<number>;
  /** Stops whatever still runs on it in order (consumers, responders), sends what is buffered, and closes. */
  drain(options?: { readonly deadlineSeconds?: number }): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}

/** Connects to NATS and stays connected: whatever happens to the server, the bus comes back by itself. */
export const connectBus = async (options: BusOptions): Promise<Bus> => {
  const { log, clock = systemClock, trace = plainTrace } = options;
  const ids = options.ids ?? createUuidV7Ids(clock);
  const connection = openConnection(options);
  const streams = createStreams(connection, log);
  const publisher = createPublisher(connection, streams);
  const rpc = createRpc(connection, log, trace);
  const consume = createConsume(connection, streams, publisher, log, trace);
  const direct = createDirect(connection, log);
  const subscribe = createSubscriber(connection, log, trace);
  const consumers = new Set<Consumer>();
  const responders = new Set<Responder>();

  if (options.waitForConnection !== false) {
    while (!connection.isConnected()) await connection.ready(60_000).catch(() => undefined);
  }

  return {
    isConnected: connection.isConnected,
    onConnect: connection.onConnect,
    ensureStream: streams.ensure,
    streamState: streams.state,
    messageIds: streams.messageIds,
    publish: (message, { timeoutMs } = {}) => publisher.publish(message, timeoutMs),
    publishAll: (messages, { timeoutMs } = {}) => publisher.publishAll(messages, timeoutMs),
    publishEvent(event, data, { source, partition, id = ids.next(), traceparent = trace.current() }) {
      const envelope = createEnvelope({ event, data, id, source, time: clock.now(), traceparent });
      return publisher.publish(messageOf(envelope, eventSubject(event, partition)));
    },
    subscribe,
    request: rpc.request,
    respond(contract, handler, respondOptions) {
      const responder = rpc.respond(contract, handler, respondOptions);
      const tracked: Responder = {
        async stop() {
          responders.delete(tracked);
          await responder.stop();
        },
      };
      responders.add(tracked);
      return tracked;
    },
    publishNow: direct.publishNow,
    listen: direct.listen,
    consume(consumeOptions) {
      const consumer = consume(consumeOptions);
      consumers.add(consumer);
      return consumer;
    },
    ...createDeadMessages(connection, streams, publisher),
    async drain({ deadlineSeconds = 20 } = {}) {
      await Promise.all([
        ...[...consumers].map((consumer) => consumer.stop({ deadlineSeconds })),
        ...[...responders].map((responder) => responder.stop()),
      ]);
      await connection.close({ drain: true });
    },
    close: () => connection.close(),
  };
};
