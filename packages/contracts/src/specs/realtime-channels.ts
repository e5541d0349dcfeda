import { z } from 'zod';
import { timestampSchema } from '../fields.ts';
import { type RealtimeContract, realtimeHeaders, realtimeSubject, renderFrame } from '../realtime.ts';
import { realtimeExamples } from './examples.ts';
import type { JsonSchema } from './json-schemas.ts';

type Part = Record<string, unknown>;
type Write = (schema: z.ZodType) => JsonSchema;

const AT = '2024-01-20T10:00:02.000Z';
const idOf = (name: string): string => name.replaceAll('.', '_');
const pathOf = ({ route }: RealtimeContract): string => route.path.replace(/:(\w+)/g, '{$1}');

/** What travels on the bus beside the text of a frame. */
const headersSchema = {
  type: 'object',
  properties: {
    [realtimeHeaders.sequence]: {
      type: 'string',
      pattern: '^[0-9]+$',
      description: 'Of the frame; without a payload that of the last frame',
    },
    [realtimeHeaders.final]: { type: 'string', const: '1', description: 'No frame follows this one' },
    [realtimeHeaders.ticket]: {
      type: 'string',
      description:
        '`<ticket id> <use>`, without a payload: sockets that hold an earlier use of it are closed',
    },
  },
};

/** The single messages that a client may send: the options of the contract's union. */
const messageSchemas = ({ messages }: RealtimeContract): readonly (readonly [string, z.ZodType])[] => {
  if (!(messages instanceof z.ZodDiscriminatedUnion)) return [['message', messages]];
  return messages.options.flatMap((option): [string, z.ZodType][] => {
    if (!(option instanceof z.ZodObject)) return [];
    const { type } = option.shape;
    return type instanceof z.ZodLiteral ? [[String(type.value), option]] : [];
  });
};

const frameSchema = (contract: RealtimeContract, type: string, data: z.ZodType) =>
  z.object({
    type: z.literal(type),
    [contract.topicField]: z.string(),
    sequence: z.int().min(0),
    timestamp: timestampSchema,
    data,
  });

/**
 * The channels of a realtime contract: its frames on the bus, and the WebSocket on which followers get them and send their
 * messages.
 */
export const realtimeChannels = (contract: RealtimeContract, schemaOf: Write) => {
  const { kind, owner, route, topicField, frames } = contract;
  const example = realtimeExamples[kind];
  if (!example) throw new TypeError(`the realtime contract ${kind} has no examples`);
  const [bus, socket] = [`rt_${kind}`, `ws_${kind}`];
  const messages: Record<string, Part> = {};
  const addFrame = (type: string, data: z.ZodType, summary: string, exampleData: unknown): string => {
    const id = `${bus}_${idOf(type)}`;
    const frame = { type, sequence: 1, timestamp: AT, data: exampleData };
    messages[id] = {
      name: type,
      title: type,
      summary,
      contentType: 'application/json',
      payload: schemaOf(frameSchema(contract, type, data)),
      examples: [{ name: type, payload: JSON.parse(renderFrame(topicField, example.id, frame)) }],
    };
    return id;
  };
  const frameIds = Object.entries(frames).map(([type, data]) =>
    addFrame(type, data, `A frame of a ${kind}`, example.frames[type]),
  );
  const pong = addFrame(
    'pong',
    z.object({ id: z.unknown().optional() }),
    'Answers `ping`, one socket alone',
    {},
  );
  for (const id of frameIds) messages[id] = { ...messages[id], headers: headersSchema };
  const sent = [...messageSchemas(contract), ['ping', z.object({ type: z.literal('ping') })] as const];
  const sentIds = sent.map(([type, schema]) => {
    const id = `${socket}_${idOf(type)}`;
    messages[id] = {
      name: type,
      title: type,
      summary: 'What a follower may send; an `id` beside `type` comes back in the answer',
      contentType: 'application/json',
      payload: schemaOf(schema),
      examples: [{ name: type, payload: example.messages[type] ?? { type } }],
    };
    return id;
  });

  const refs = (ids: readonly string[]) =>
    Object.fromEntries(ids.map((id) => [id, { $ref: `#/components/messages/${id}` }]));
  const inChannel = (channel: string, ids: readonly string[]) =>
    ids.map((id) => ({ $ref: `#/channels/${channel}/messages/${id}` }));
  const parameters = { [topicField]: { description: `Which ${kind}` } };
  const query = {
    ticket: { type: 'string', description: 'Part of an address that an answer contained' },
    since: { type: 'string', pattern: '^[0-9]{1,9}$', description: 'The last sequence that was seen' },
    ...(route.acceptsQueryToken ? { access_token: { type: 'string', description: "A user's token" } } : {}),
  };
  const channels = {
    [bus]: {
      address: realtimeSubject(kind, `{${topicField}}`),
      description: `The frames of a ${kind} as they happen, on core NATS: kept nowhere. Gateways listen, and ask ${contract.followRpc.subject} for what they miss.`,
      servers: [{ $ref: '#/servers/nats' }],
      parameters,
      messages: refs(frameIds),
    },
    [socket]: {
      address: pathOf(contract),
      title: route.summary,
      description: route.description ?? route.summary,
      servers: [{ $ref: '#/servers/gateway' }],
      parameters,
      messages: refs([...frameIds, pong, ...sentIds]),
      bindings: {
        ws: { method: 'GET', query: { type: 'object', properties: query }, bindingVersion: '0.1.0' },
      },
    },
  };
  const operations = {
    [`publish_${bus}`]: {
      action: 'send',
      title: `${owner} publishes the frames of a ${kind}`,
      summary: 'After the commit of the change that they tell',
      channel: { $ref: `#/channels/${bus}` },
      messages: inChannel(bus, frameIds),
      tags: [{ name: owner }],
    },
    [`send_${socket}`]: {
      action: 'send',
      title: `The gateway sends the frames of a ${kind}`,
      summary: 'First what already happened, in order, then what happens',
      channel: { $ref: `#/channels/${socket}` },
      messages: inChannel(socket, [...frameIds, pong]),
      tags: [{ name: 'gateway' }],
    },
    [`receive_${socket}`]: {
      action: 'receive',
      title: `The gateway takes messages of followers of a ${kind}`,
      summary: `And asks ${owner} for what they want`,
      channel: { $ref: `#/channels/${socket}` },
      messages: inChannel(socket, sentIds),
      tags: [{ name: 'gateway' }],
    },
  };
  return { channels, operations, messages };
};
