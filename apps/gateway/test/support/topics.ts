import { randomUUID } from 'node:crypto';
import type { Bus, Responder } from '@switchboard/bus';
import {
  AppError,
  callRpcs,
  callsRealtime,
  FRAMES_PER_PAGE,
  generateKey,
  hashKey,
  keyPrefixes,
  type Principal,
  type RealtimeMessage,
  realtimeHeaders,
  realtimeSubject,
  renderFrame,
  type TicketPrincipal,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { WebSocket } from 'ws';

interface Stored {
  readonly sequence: number;
  readonly text: string;
}

interface OwnedTopic {
  readonly owner: string;
  readonly frames: Stored[];
  isFinal: boolean;
}

interface OwnedTicket {
  readonly topicId: string;
  readonly principal: Omit<TicketPrincipal, 'use'>;
  uses: number;
}

interface NewFrame {
  readonly type?: string;
  readonly data?: object;
  readonly isFinal?: boolean;
}

export interface ReceivedCommand {
  readonly id: string;
  readonly message: RealtimeMessage;
  readonly principal: Principal;
  readonly from: 'command' | 'fallback';
}

const ownerOf = (principal: Principal): string =>
  principal.kind === 'api_key'
    ? principal.account_id
    : principal.kind === 'ticket'
      ? principal.owner_id
      : 'nobody';

/** Owns topics over the real NATS as call-service does with its tables: history, tickets, commands. */
export const createTopicOwner = (bus: Bus) => {
  const topics = new Map<string, OwnedTopic>();
  const tickets = new Map<string, OwnedTicket>();
  const commands: ReceivedCommand[] = [];
  const syncedTickets: string[] = [];
  let follows = 0;
  let holdUp: Promise<void> = Promise.resolve();
  let refuseCommands: AppError | null = null;

  const refusedAccounts: string[] = [];
  const visible = (id: string, principal: Principal): OwnedTopic => {
    const topic = topics.get(id);
    if (topic?.owner === ownerOf(principal)) return topic;
    refusedAccounts.push(ownerOf(principal));
    throw new AppError('CALL_NOT_FOUND');
  };
  const take = (from: ReceivedCommand['from']) => async (input: Omit<ReceivedCommand, 'from'>) => {
    if (refuseCommands) throw refuseCommands;
    const { id, message, principal } = input;
    commands.push({ id, message, principal, from });
    return {};
  };

  const answer = () => [
    bus.respond(callRpcs.follow, async ({ id, since, principal }) => {
      follows += 1;
      await holdUp;
      const { frames, isFinal } = visible(id, principal);
      const later = frames.filter(({ sequence }) => sequence > since);
      return {
        frames: later.slice(0, FRAMES_PER_PAGE),
        last_sequence: frames.at(-1)?.sequence ?? 0,
        is_final: isFinal,
      };
    }),
    bus.respond(callRpcs.sync, async ({ ids, tickets: live }) => {
      syncedTickets.push(...live);
      return {
        topics: ids.flatMap((id) => {
          const topic = topics.get(id);
          if (!topic) return [];
          return [{ id, last_sequence: topic.frames.at(-1)?.sequence ?? 0, is_final: topic.isFinal }];
        }),
      };
    }),
    bus.respond(callRpcs.commandAny, take('fallback')),
    bus.respond(callRpcs.redeemTicket, async ({ ticket_hash, path }) => {
      const ticket = tickets.get(ticket_hash);
      if (!ticket) return { ok: false as const, reason: 'unknown_ticket' as const };
      if (!path.endsWith(`/${ticket.topicId}`)) {
        return { ok: false as const, reason: 'other_resource' as const };
      }
      ticket.uses += 1;
      const { ticket_id } = ticket.principal;
      bus.publishNow(realtimeSubject(callsRealtime.kind, ticket.topicId), '', {
        [realtimeHeaders.ticket]: `${ticket_id} ${ticket.uses}`,
      });
      return { ok: true as const, principal: { ...ticket.principal, use: ticket.uses } };
    }),
  ];
  let responders = answer();
  /** Whatever is said on one connection is heard in order: after an answer the server knows what was subscribed before. */
  const subscribed = () => waitFor(async () => (await bus.streamState('NONE')) === null);

  const publish = (id: string, { sequence, text }: Stored, isFinal: boolean): void => {
    bus.publishNow(realtimeSubject(callsRealtime.kind, id), text, {
      [realtimeHeaders.sequence]: String(sequence),
      ...(isFinal ? { [realtimeHeaders.final]: '1' } : {}),
    });
  };

  return {
    commands,
    syncedTickets,
    /** Whose questions about what is not theirs were refused. */
    refusedAccounts,
    get follows() {
      return follows;
    },
    create(owner: string): string {
      const id = randomUUID();
      topics.set(id, { owner, frames: [], isFinal: false });
      return id;
    },
    /** Keeps a frame; gives what publishes it, so that a test may lose, repeat or delay that. */
    store(id: string, options: NewFrame = {}): () => void {
      const topic = topics.get(id);
      if (!topic) throw new TypeError('no such topic');
      const { type = 'call.ringing', data = {}, isFinal = false } = options;
      const sequence = topic.frames.length + 1;
      const frame = { type, sequence, timestamp: '2024-01-20T10:00:00.000Z', data };
      const stored = { sequence, text: renderFrame('callId', id, frame) };
      topic.frames.push(stored);
      topic.isFinal = isFinal;
      return () => publish(id, stored, isFinal);
    },
    say(id: string, options: NewFrame = {}): void {
      this.store(id, options)();
    },
    issueTicket(topicId: string, owner: string): string {
      const ticket = generateKey(keyPrefixes.ticket);
      tickets.set(hashKey(ticket), {
        topicId,
        principal: {
          kind: 'ticket',
          ticket_id: randomUUID(),
          resource: { type: 'call', id: topicId },
          owner_id: owner,
        },
        uses: 0,
      });
      return ticket;
    },
    /** Answers the commands of one topic from now on. */
    async hold(id: string): Promise<Responder> {
      const responder = bus.respond(callRpcs.command, take('command'), { id });
      await subscribed();
      return responder;
    },
    refuseCommands(error: AppError | null): void {
      refuseCommands = error;
    },
    /** Makes answers to `follow` wait; gives the function that lets them go. */
    holdAnswers(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      holdUp = promise;
      return resolve;
    },
    async leave(): Promise<void> {
      await Promise.all(responders.map((responder) => responder.stop()));
    },
    async comeBack(): Promise<void> {
      responders = answer();
      await subscribed();
    },
  };
};
export type TopicOwner = ReturnType<typeof createTopicOwner>;

export interface Frame {
  readonly type: string;
  readonly callId: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client that keeps all it gets. */
export const openSocket = (url: string, headers: Readonly<Record<string, string>> = {}) => {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
  const frames: Frame[] = [];
  const { promise: opened, resolve: onOpen, reject } = Promise.withResolvers<void>();
  const { promise: closed, resolve: onClose } = Promise.withResolvers<{ code: number; reason: string }>();
  opened.catch(() => {});
  socket.on('open', onOpen);
  socket.on('error', reject);
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  socket.on('close', (code, reason) => onClose({ code, reason: String(reason) }));
  return {
    socket,
    frames,
    opened,
    closed,
    /** Of what is no answer to this socket alone. */
    sequences: () =>
      frames.filter(({ type }) => type !== 'pong' && type !== 'call.error').map(({ sequence }) => sequence),
    send: (message: unknown) => socket.send(JSON.stringify(message)),
    async close(): Promise<void> {
      socket.close();
      await closed;
    },
  };
};
