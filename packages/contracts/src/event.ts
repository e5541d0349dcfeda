import { z } from 'zod';
import type { ServiceName } from './services.ts';

/**
 * TERMINOLOGY — *event*: a fact that happened, on JetStream. *Subject*: where it is published,
 * `<domain>.<aggregate>.<event>`. *Stream*: what keeps the subjects of one domain. *Envelope*: CloudEvents 1.0 JSON.
 */
export interface EventContract<Data extends z.ZodType = z.ZodType> {
  /** `<domain>.<aggregate>.<event>`; also the subject, unless `partitioned`. */
  readonly name: string;
  readonly version: number;
  /** `any`: whichever service has something to say. */
  readonly producer: ServiceName | 'gateway' | 'any';
  readonly summary: string;
  readonly data: Data;
  readonly example: z.input<Data>;
  /** True: the subject has one more token (the service that consumes it), so a consumer filters on its own. */
  readonly partitioned?: boolean;
}

export const defineEvent = <Data extends z.ZodType>(event: EventContract<Data>): EventContract<Data> => event;

export type DataOf<Event extends EventContract> = z.output<Event['data']>;

/** `type` of the envelope: the name with its version, `partner.job.queued.v1`. */
export const eventType = (event: EventContract): string => `${event.name}.v${event.version}`;

/**
 * The subject an event is published on. From version 2 on the version is part of it, so that consumers of the old
 * one never meet the new one.
 */
export const eventSubject = (event: EventContract, partition?: string): string => {
  const base = event.version === 1 ? event.name : `${event.name}.v${event.version}`;
  if (event.partitioned !== true) return base;
  if (partition === undefined) throw new TypeError(`${event.name} needs a partition`);
  return `${base}.${partition}`;
};

export const eventDomain = (subject: string): string => subject.split('.', 1)[0] ?? subject;

/** CloudEvents 1.0, JSON format, with the distributed tracing extension. */
export const envelopeSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.uuid(),
  source: z.string(),
  type: z.string(),
  subject: z.string().optional(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  traceparent: z.string().optional(),
  data: z.unknown(),
});
export type Envelope = z.infer<typeof envelopeSchema>;

/** Largest serialised envelope: under the broker's default `max_payload` of 1 MiB with room for headers. */
export const EVENT_BYTES_MAX = 1_000_000;

/** A stream of JetStream: one per domain, and one for the messages that could not be handled. */
export interface StreamContract {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeSeconds: number;
}

const DAY_SECONDS = 86_400;

/** @param aggregates given where the domain has subjects beside events, such as commands: JetStream would answer those */
export const streamForDomain = (domain: string, aggregates?: readonly string[]): StreamContract => ({
  name: domain.toUpperCase(),
  subjects: aggregates ? aggregates.map((aggregate) => `${domain}.${aggregate}.>`) : [`${domain}.>`],
  maxAgeSeconds: 7 * DAY_SECONDS,
});

/** Poisoned messages wait here until an operator looks at them: `dead.<domain>`. */
export const deadStream: StreamContract = {
  name: 'DEAD',
  subjects: ['dead.>'],
  maxAgeSeconds: 30 * DAY_SECONDS,
};
