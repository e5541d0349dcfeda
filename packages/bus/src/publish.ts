import type { Envelope } from '@switchboard/contracts';
import { headers as createHeaders, type NatsConnection } from 'nats';
import { backoffMs, pause } from './backoff.ts';
import type { Connection } from './connection.ts';
import { BusError, toBusError } from './errors.ts';
import type { Streams } from './streams.ts';

const PUBLISH_TIMEOUT_MS = 5_000;

/** A message as it goes out. `payload` is the serialised envelope. */
export interface OutgoingMessage {
  readonly subject: string;
  readonly payload: string | Uint8Array;
  /** JetStream drops a second message of the same id within two minutes. */
  readonly msgId: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface PublishAck {
  readonly stream: string;
  readonly sequence: number;
  readonly duplicate: boolean;
}

export type PublishOutcome =
  | { readonly ok: true; readonly ack: PublishAck }
  | { readonly ok: false; readonly error: BusError };

interface AckBody {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code?: number; err_code?: number; description?: string };
}

const SUBJECT = /^[^\s.*>]+(\.[^\s.*>]+)+$/;
// JetStream: message exceeds the stream's or the account's largest size, header too large.
const REJECTED_API_CODES = new Set([10054, 10097]);

/** The message of an envelope, with what tells tools its id and type without parsing the body. */
export const messageOf = (
  envelope: Envelope,
  subject: string,
  options: { readonly msgId?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): OutgoingMessage => ({
  subject,
  payload: JSON.stringify(envelope),
  msgId: options.msgId ?? envelope.id,
  headers: {
    ...options.headers,
    'ce-id': envelope.id,
    'ce-type': envelope.type,
    traceparent: envelope.traceparent,
  },
});

const send = async (nc: NatsConnection, message: OutgoingMessage, timeoutMs: number): Promise<PublishAck> => {
  const headers = createHeaders();
  for (const [name, value] of Object.entries(message.headers ?? {}))
    if (value !== undefined) headers.set(name, value);
  headers.set('Nats-Msg-Id', message.msgId);
  const reply = await nc.request(message.subject, message.payload, { headers, timeout: timeoutMs });
  const body = reply.json<AckBody>();
  if (body.error) {
    const rejected = REJECTED_API_CODES.has(body.error.err_code ?? 0);
    throw new BusError(
      rejected ? 'rejected' : 'unavailable',
      `JetStream did not keep it: ${body.error.description}`,
    );
  }
  if (!body.stream || body.seq === undefined) {
    throw new BusError('unavailable', `Something other than JetStream answered on ${message.subject}`);
  }
  return { stream: body.stream, sequence: body.seq, duplicate: body.duplicate === true };
};

const hasNoStream = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '503';

export const createPublisher = (connection: Connection, streams: Streams) => {
  /** Publishes and waits for the ack of JetStream. BusError: `rejected` never succeeds, the others may later. */
  const publish = async (message: OutgoingMessage, timeoutMs = PUBLISH_TIMEOUT_MS): Promise<PublishAck> => {
    if (!SUBJECT.test(message.subject)) {
      throw new BusError('rejected', `"${message.subject}" is not a subject that can be published on`);
    }
    try {
      const nc = await connection.ready(timeoutMs);
      const stream = await streams.ensureFor(message.subject);
      try {
        return await send(nc, message, timeoutMs);
      } catch (error) {
        if (!hasNoStream(error)) throw error;
        // Somebody deleted the stream while we ran: make it again, once, when its files are surely gone.
        await pause(backoffMs(1, { firstMs: 1_000, maxMs: 1_000 }));
        await streams.repair(stream);
        return await send(nc, message, timeoutMs);
      }
    } catch (error) {
      throw toBusError(error, `publish on ${message.subject}`);
    }
  };

  /** Publishes all at once over the one connection (the server sees them in order) and says what became of each. */
  const publishAll = (
    messages: readonly OutgoingMessage[],
    timeoutMs = PUBLISH_TIMEOUT_MS,
  ): Promise<PublishOutcome[]> =>
    Promise.all(
      messages.map(async (message): Promise<PublishOutcome> => {
        try {
          return { ok: true, ack: await publish(message, timeoutMs) };
        } catch (error) {
          return { ok: false, error: toBusError(error, `publish on ${message.subject}`) };
        }
      }),
    );

  return { publish, publishAll };
};
