import { deadStream, eventDomain } from '@switchboard/contracts';
import { type MsgHdrs, nanos } from 'nats';
import type { Connection } from './connection.ts';
import { toBusError } from './errors.ts';
import type { createPublisher, OutgoingMessage } from './publish.ts';
import { isNotFound, type Streams } from './streams.ts';

/**
 * TERMINOLOGY — *dead message*: one that a consumer could not handle. It waits in the stream DEAD, as it came, on
 * `dead.<domain>`, until somebody looks at it and puts it back or lets it go.
 */
export interface DeadMessage {
  /** Its number in the stream DEAD; what `putBackDead` takes. */
  readonly sequence: number;
  readonly deadAt: Date;
  readonly subject: string;
  readonly streamSequence: number;
  readonly consumer: string;
  readonly deliveries: number;
  readonly error: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly payload: string;
}

/** Consumers other than the one named here skip the message: they have handled it long ago. */
export const ONLY_CONSUMER_HEADER = 'switchboard-only-consumer';

const HEADER = {
  subject: 'dead-subject',
  sequence: 'dead-stream-sequence',
  consumer: 'dead-consumer',
  deliveries: 'dead-deliveries',
  error: 'dead-error',
} as const;
const ERROR_LENGTH_MAX = 1_000;
const API_TIMEOUT_MS = 5_000;

export interface DeadInput {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly streamSequence: number;
  readonly timestampNanos: string;
  readonly consumer: string;
  readonly deliveries: number;
  readonly error: string;
}

/** The copy of a message for `dead.<domain>`. */
export const deadMessageOf = (input: DeadInput): OutgoingMessage => ({
  subject: `dead.${eventDomain(input.subject)}`,
  payload: input.payload,
  // The same failure reported twice (a crash before the original was acked) is kept once.
  msgId: `${input.consumer}:${input.streamSequence}:${input.timestampNanos}`,
  headers: {
    'ce-id': input.headers?.get('ce-id') || undefined,
    'ce-type': input.headers?.get('ce-type') || undefined,
    traceparent: input.headers?.get('traceparent') || undefined,
    [HEADER.subject]: input.subject,
    [HEADER.sequence]: String(input.streamSequence),
    [HEADER.consumer]: input.consumer,
    [HEADER.deliveries]: String(input.deliveries),
    // Header values are one line of printable text.
    [HEADER.error]: input.error.replace(/[^\x20-\x7e]+/g, ' ').slice(0, ERROR_LENGTH_MAX),
  },
});

export const createDeadMessages = (
  connection: Connection,
  streams: Streams,
  publisher: ReturnType<typeof createPublisher>,
) => {
  const manager = async () => {
    const nc = await connection.ready(API_TIMEOUT_MS);
    return nc.jetstreamManager({ checkAPI: false, timeout: API_TIMEOUT_MS });
  };

  /** The first dead message from a sequence on; null at the end. */
  const next = async (fromSequence: number): Promise<DeadMessage | null> => {
    try {
      const jsm = await manager();
      // "The first from there on" is understood by the server (2.9 and later) but unknown to the client's types.
      const query = { seq: fromSequence, next_by_subj: 'dead.>' };
      const stored = await jsm.streams.getMessage(deadStream.name, query);
      return {
        sequence: stored.seq,
        deadAt: stored.time,
        subject: stored.header.get(HEADER.subject),
        streamSequence: Number(stored.header.get(HEADER.sequence)),
        consumer: stored.header.get(HEADER.consumer),
        deliveries: Number(stored.header.get(HEADER.deliveries)),
        error: stored.header.get(HEADER.error),
        eventId: stored.header.get('ce-id'),
        eventType: stored.header.get('ce-type'),
        payload: Buffer.from(stored.data).toString('utf8'),
      };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw toBusError(error, 'read the dead messages');
    }
  };

  /** Dead messages, oldest first. `afterSequence` is the last one already seen. */
  const listDead = async (
    options: { readonly limit?: number; readonly afterSequence?: number } = {},
  ): Promise<DeadMessage[]> => {
    await streams.ensure(deadStream);
    const found: DeadMessage[] = [];
    let sequence = (options.afterSequence ?? 0) + 1;
    while (found.length < (options.limit ?? 100)) {
      const message = await next(sequence);
      if (!message) break;
      found.push(message);
      sequence = message.sequence + 1;
    }
    return found;
  };

  const putBack = async (message: DeadMessage) => {
    await publisher.publish({
      subject: message.subject,
      payload: message.payload,
      // Another id than the event's, which JetStream may still remember; the inbox goes by the event id.
      msgId: `put-back:${message.sequence}:${message.deadAt.getTime()}`,
      headers: {
        'ce-id': message.eventId || undefined,
        'ce-type': message.eventType || undefined,
        [ONLY_CONSUMER_HEADER]: message.consumer,
      },
    });
    const jsm = await manager();
    await jsm.streams.deleteMessage(deadStream.name, message.sequence, false);
  };

  /** Gives one dead message, or all there are now, back to the consumer that could not handle it. Gives the number. */
  const putBackDead = async (which: { readonly sequence: number } | 'all'): Promise<number> => {
    await streams.ensure(deadStream);
    if (which !== 'all') {
      const message = await next(which.sequence);
      if (message?.sequence !== which.sequence) return 0;
      await putBack(message);
      return 1;
    }
    // Only those that are there now: one that dies again at once is not put back for ever.
    const last = (await streams.state(deadStream.name))?.lastSequence ?? 0;
    let count = 0;
    for (
      let message = await next(1);
      message && message.sequence <= last;
      message = await next(message.sequence + 1)
    ) {
      await putBack(message);
      count += 1;
    }
    return count;
  };

  return { listDead, putBackDead };
};

/** JetStream counts in nanoseconds. */
export const nanosOf = (seconds: number): number => nanos(Math.round(seconds * 1000));
