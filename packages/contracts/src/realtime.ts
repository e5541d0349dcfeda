import { z } from 'zod';
import { principalSchema } from './credentials/principal.ts';
import type { ErrorCode } from './errors/catalogue.ts';
import type { RouteContract } from './route.ts';
import { defineRpc, type RpcContract } from './rpc.ts';
import type { ServiceName } from './services.ts';

/**
 * TERMINOLOGY — *topic*: one thing that can be followed live, a call for instance. *Frame*: one message about it, with a
 * sequence number that has no gap while the topic lives. *Follower*: a socket that gets the frames. *Private frame*: an
 * answer to one follower alone; it repeats the sequence of the last frame and is not part of the history. *Command*: what
 * a follower asks of the topic.
 *
 * The rule (architecture, 6): the owner keeps every frame in its database, in the transaction of the change, and publishes
 * it on `rt.<kind>.<id>` after the commit. A gateway with a follower subscribes first and then asks for what happened
 * (`follow`); whatever is lost on the way is noticed by its number, or by `sync` within seconds, and asked for.
 */
export interface RealtimeContract {
  /** Of `rt.<kind>.<id>`. */
  readonly kind: string;
  readonly owner: ServiceName;
  /** A GET with `upgrade: 'websocket'`. */
  readonly route: RouteContract;
  /** The parameter of the route's path that names the topic, and the field of a frame that does. */
  readonly topicField: string;
  /** Said when a topic cannot be followed: `call.error`. */
  readonly errorType: string;
  /** The owner's own word for a topic that is not there, or not to be seen. */
  readonly notFound: ErrorCode;
  /** What a follower may send beside `ping`: `{type, data}`. */
  readonly messages: z.ZodType<RealtimeMessage>;
  /** The types of frames, each with the schema of its `data`. */
  readonly frames: Readonly<Record<string, z.ZodType>>;
  readonly followRpc: FollowRpc;
  readonly syncRpc: SyncRpc;
  /** On `<subject>.<topic id>`: answered by whoever has the topic in hand. */
  readonly commandRpc: CommandRpc;
  /** Asked when nobody has it in hand: any replica of the owner. */
  readonly fallbackRpc: CommandRpc;
}

export interface RealtimeMessage {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A frame as it goes to followers; `callId` stands for the contract's `topicField`. */
export interface RealtimeFrame {
  readonly type: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: unknown;
}

/** The text of a frame, the same bytes for every follower. */
export const renderFrame = (topicField: string, id: string, frame: RealtimeFrame): string => {
  const { type, sequence, timestamp, data } = frame;
  return JSON.stringify({ type, [topicField]: id, sequence, timestamp, data });
};

/** Where a topic's frames are published: core NATS, payload = the text of the frame. */
export const realtimeSubject = (kind: string, id: string): string => `rt.${kind}.${id}`;

/** Headers of what is published there. */
export const realtimeHeaders = {
  /** The frame's number. Without a payload: the number of the last frame, so that followers see whether they have it. */
  sequence: 'Sequence',
  /** `1`: no frame follows this one. */
  final: 'Final',
  /** `<ticket id> <use>`: the ticket was redeemed again; a socket that holds an earlier use of it is closed. */
  ticket: 'Ticket',
} as const;

/** Close codes of realtime sockets, beside those of RFC 6455 and its registry. */
export const closeCodes = {
  /** The topic is over, and everything was said. */
  normal: 1000,
  unsupportedData: 1003,
  tooLarge: 1009,
  /** Something went wrong on our side. */
  internalError: 1011,
  /** This gateway ends: connect again, with `?since=`. */
  serviceRestart: 1012,
  /** Nobody can be asked right now: try again. */
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  notFound: 4404,
  /** What was sent was not read in time: connect again, with `?since=`. */
  tooSlow: 4408,
  /** The ticket of this connection opened another one. */
  replaced: 4409,
  tooMany: 4429,
} as const;

export const FRAMES_PER_PAGE = 500;

const topicId = z.string().min(1).max(100);

/**
 * "What happened since?" An unknown topic, and one that the principal may not see, is the owner's own NOT_FOUND
 * (CALL_NOT_FOUND). Pages end at FRAMES_PER_PAGE frames or half a megabyte.
 */
const followRequest = z.object({
  id: topicId,
  since: z.int().min(0),
  principal: principalSchema,
});
const followReply = z.object({
  frames: z.array(z.object({ sequence: z.int(), text: z.string() })),
  /** Of the topic, not of the page: when it is larger than the last frame's, there is another page. */
  last_sequence: z.int().min(0),
  is_final: z.boolean(),
});
export type FollowRpc = RpcContract<typeof followRequest, typeof followReply>;

/** What a gateway asks every few seconds about all topics that it has followers of; it also renews their tickets. */
const syncRequest = z.object({
  ids: z.array(topicId).max(1000),
  /** Tickets of connections that are alive. */
  tickets: z.array(z.uuid()).max(1000),
});
const syncReply = z.object({
  topics: z.array(z.object({ id: topicId, last_sequence: z.int(), is_final: z.boolean() })),
});
export type SyncRpc = RpcContract<typeof syncRequest, typeof syncReply>;

const commandRequest = z.object({
  id: topicId,
  message: z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) }),
  principal: principalSchema,
  /** Tells the sockets of one topic apart. */
  connection_id: z.string(),
});
const commandReply = z.object({});
export type CommandRpc = RpcContract<typeof commandRequest, typeof commandReply>;

/** The four questions of a realtime contract, by the names of its owner. */
export const realtimeRpcs = (owner: ServiceName, domain: string) =>
  ({
    follow: defineRpc({
      subject: `rpc.${domain}.follow`,
      owner,
      summary: 'What happened to this topic since that sequence?',
      request: followRequest,
      reply: followReply,
    }),
    sync: defineRpc({
      subject: `rpc.${domain}.sync`,
      owner,
      summary: 'How far are these topics? Tickets that are in use are renewed.',
      request: syncRequest,
      reply: syncReply,
    }),
    command: defineRpc({
      subject: `${domain}.cmd`,
      owner,
      perId: true,
      summary: 'What a follower asks of the topic that the answering process has in hand.',
      request: commandRequest,
      reply: commandReply,
    }),
    fallback: defineRpc({
      subject: `rpc.${domain}.command`,
      owner,
      summary: 'The same when nobody has it in hand.',
      request: commandRequest,
      reply: commandReply,
    }),
  }) as const;
