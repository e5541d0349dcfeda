import { z } from 'zod';
import { deadStream, type EventContract, envelopeSchema, eventSubject, eventType } from '../event.ts';
import { events, realtimes, rpcs, streams } from '../registry.ts';
import { createSchemaWriter } from './json-schemas.ts';
import { realtimeChannels } from './realtime-channels.ts';

const AT = '2024-12-15T10:30:00.000Z';
const ID = '0192f0c1-2b3c-7d4e-8f50-617283940a20';
/** Facts and questions travel on NATS alone, not through the gateway. */
const onNats = { servers: [{ $ref: '#/servers/nats' }] };
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const idOf = (name: string): string => name.replaceAll('.', '_');

const addressOf = (event: EventContract): string =>
  event.partitioned === true ? eventSubject(event, '{service}') : eventSubject(event);

/** Data inside its CloudEvents envelope, as it is on the wire. */
const enveloped = (event: EventContract) =>
  envelopeSchema.extend({ type: z.literal(eventType(event)), data: event.data });

const producerName = ({ producer }: EventContract): string => (producer === 'any' ? 'any service' : producer);
const exampleProducer = ({ producer }: EventContract): string =>
  producer === 'any' ? 'ticket-service' : producer;

const exampleOf = (event: EventContract) => ({
  name: event.name,
  headers: { 'Nats-Msg-Id': ID, 'ce-id': ID, 'ce-type': eventType(event), traceparent: TRACEPARENT },
  payload: {
    specversion: '1.0',
    id: ID,
    source: exampleProducer(event),
    type: eventType(event),
    time: AT,
    datacontenttype: 'application/json',
    traceparent: TRACEPARENT,
    data: event.example,
  },
});

const eventHeaders = {
  type: 'object',
  properties: {
    'Nats-Msg-Id': {
      type: 'string',
      format: 'uuid',
      description: 'The event id: JetStream drops repeats by it',
    },
    'ce-id': { type: 'string', format: 'uuid' },
    'ce-type': { type: 'string' },
    traceparent: { type: 'string', description: 'W3C Trace Context' },
  },
  required: ['Nats-Msg-Id', 'ce-id', 'ce-type'],
};

/** The AsyncAPI 3.0 document of every event, question and live surface. Built from the contracts alone: same in, same out. */
export const buildAsyncApi = (version: string): Record<string, unknown> => {
  const { schemaOf, components } = createSchemaWriter('#/components/schemas/', 'draft-7');
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  const messages: Record<string, unknown> = {};

  for (const event of events) {
    const id = idOf(event.name) + (event.version === 1 ? '' : `_v${event.version}`);
    messages[id] = {
      name: eventType(event),
      title: event.name,
      summary: event.summary,
      contentType: 'application/json',
      headers: eventHeaders,
      payload: schemaOf(enveloped(event)),
      examples: [exampleOf(event)],
    };
    channels[id] = {
      address: addressOf(event),
      description: event.summary,
      ...onNats,
      messages: { [id]: { $ref: `#/components/messages/${id}` } },
      ...(event.partitioned === true
        ? { parameters: { service: { description: 'The service that consumes it' } } }
        : {}),
    };
    operations[`publish_${id}`] = {
      action: 'send',
      title: `${producerName(event)} publishes ${event.name}`,
      summary: event.summary,
      channel: { $ref: `#/channels/${id}` },
      messages: [{ $ref: `#/channels/${id}/messages/${id}` }],
      tags: [{ name: producerName(event) }],
    };
  }

  for (const rpc of rpcs) {
    const id = idOf(rpc.subject);
    const sides = { request: rpc.request, reply: rpc.reply } as const;
    for (const [side, schema] of Object.entries(sides)) {
      messages[`${id}_${side}`] = {
        name: `${rpc.subject}.${side}`,
        title: `${side} of ${rpc.subject}`,
        contentType: 'application/json',
        payload: schemaOf(schema),
      };
    }
    channels[id] = {
      address: rpc.perId ? `${rpc.subject}.{id}` : rpc.subject,
      description: rpc.summary,
      ...onNats,
      messages: { request: { $ref: `#/components/messages/${id}_request` } },
      ...(rpc.perId ? { parameters: { id: { description: 'Of the thing that is asked about' } } } : {}),
    };
    channels[`${id}_reply`] = {
      address: null,
      description: `Where the answer of ${rpc.subject} goes: the inbox that the question names`,
      ...onNats,
      messages: { reply: { $ref: `#/components/messages/${id}_reply` } },
    };
    operations[`answer_${id}`] = {
      action: 'receive',
      title: `${rpc.owner} answers ${rpc.subject}`,
      summary: rpc.summary,
      channel: { $ref: `#/channels/${id}` },
      messages: [{ $ref: `#/channels/${id}/messages/request` }],
      reply: {
        channel: { $ref: `#/channels/${id}_reply` },
        messages: [{ $ref: `#/channels/${id}_reply/messages/reply` }],
      },
      tags: [{ name: rpc.owner }],
    };
  }

  for (const realtime of realtimes) {
    const parts = realtimeChannels(realtime, schemaOf);
    Object.assign(channels, parts.channels);
    Object.assign(operations, parts.operations);
    Object.assign(messages, parts.messages);
  }

  const keptDays = (maxAgeSeconds: number) => maxAgeSeconds / 86_400;
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Switchboard events',
      version,
      description:
        'Facts are CloudEvents 1.0 on JetStream, published from the outbox of the service that owns them; questions ' +
        `(\`rpc.*\`) are NATS request/reply. Streams: ${streams
          .filter((stream) => stream !== deadStream)
          .map((stream) => `${stream.name} (${keptDays(stream.maxAgeSeconds)} days)`)
          .join(
            ', ',
          )}. What could not be handled waits on \`dead.<domain>\` for ${keptDays(deadStream.maxAgeSeconds)} days. What happens live is published on ` +
        '`rt.<kind>.<id>` and followed by WebSocket through the gateway.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      nats: { host: 'localhost:42220', protocol: 'nats', description: 'The local stack' },
      gateway: {
        host: 'localhost:3000',
        protocol: 'ws',
        description: 'The gateway of the local stack; wss where TLS ends in front of it',
      },
    },
    channels,
    operations,
    components: { messages, schemas: components() },
  };
};
