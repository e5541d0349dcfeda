import {
  type Envelope,
  EVENT_BYTES_MAX,
  type EventContract,
  envelopeSchema,
  eventType,
} from '@switchboard/contracts';
import type { z } from 'zod';
import { InvalidMessageError } from './errors.ts';

export interface EnvelopeInput<Data extends z.ZodType> {
  readonly event: EventContract<Data>;
  readonly data: z.input<Data>;
  readonly id: string;
  readonly source: string;
  readonly time: Date;
  readonly traceparent?: string | undefined;
}

/**
 * The envelope of an event, its data checked against the contract; what the contract does not know is left out.
 * Throws when the data does not fit or the whole is larger than EVENT_BYTES_MAX: a fault of the program.
 */
export const createEnvelope = <Data extends z.ZodType>(input: EnvelopeInput<Data>): Envelope => {
  const envelope: Envelope = {
    specversion: '1.0',
    id: input.id,
    source: input.source,
    type: eventType(input.event),
    time: input.time.toISOString(),
    datacontenttype: 'application/json',
    ...(input.traceparent ? { traceparent: input.traceparent } : {}),
    data: input.event.data.parse(input.data),
  };
  const bytes = Buffer.byteLength(JSON.stringify(envelope));
  if (bytes > EVENT_BYTES_MAX) {
    throw new RangeError(`${envelope.type} has ${bytes} bytes; an event has at most ${EVENT_BYTES_MAX}`);
  }
  return envelope;
};

/** Reads a message as an envelope; InvalidMessageError says what is wrong with it. */
export const parseEnvelope = (payload: Uint8Array): Envelope => {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'));
  } catch {
    // Without its cause: the parser quotes the text, and this goes into the log.
    throw new InvalidMessageError('The message is not JSON');
  }
  const parsed = envelopeSchema.safeParse(json);
  if (!parsed.success)
    throw new InvalidMessageError(`The message is no CloudEvent: ${describe(parsed.error)}`);
  return parsed.data;
};

/** The data of an envelope as its contract has it; InvalidMessageError when it is another type or does not fit. */
export const parseEventData = <Data extends z.ZodType>(
  event: EventContract<Data>,
  envelope: Envelope,
): z.output<Data> => {
  if (envelope.type !== eventType(event)) {
    throw new InvalidMessageError(`The message is a ${envelope.type}, not a ${eventType(event)}`);
  }
  const parsed = event.data.safeParse(envelope.data);
  if (!parsed.success)
    throw new InvalidMessageError(`The data does not fit ${envelope.type}: ${describe(parsed.error)}`);
  return parsed.data;
};

// Paths and rules only: the values may be personal data, and this text is kept with the dead message.
const describe = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`).join('; ');
