import type { WebSocket } from '@fastify/websocket';
import type { Principal, RealtimeContract, RealtimeMessage } from '@switchboard/contracts';

/** What happened to a topic, as its owner tells it. */
export interface Page {
  readonly frames: readonly { readonly sequence: number; readonly bytes: Buffer }[];
  readonly lastSequence: number;
  readonly isFinal: boolean;
  /** The topic's `seen` when the owner was asked. */
  readonly seenBefore: number;
}

/** Something that is followed here: one subscription, however many followers. */
export interface Topic {
  readonly contract: RealtimeContract;
  readonly id: string;
  readonly followers: Set<Follower>;
  /** The highest number that was heard of. */
  seen: number;
  /** The number of the last frame there will be; null while it is not known. */
  final: number | null;
  /** Questions under way, by what they ask from: many followers miss the same frame at once. */
  readonly fetches: Map<number, Promise<Page>>;
  stop(): void;
}

/**
 * A socket that follows a topic. Plain data: there are thousands of them, and none keeps its request or reply.
 *
 * `behind`: it catches up, and live frames pass it by. `live`: it has everything, and gets frames as they come. `over`: it
 * is being closed, and gets nothing.
 */
export interface Follower {
  readonly socket: WebSocket;
  readonly topic: Topic;
  readonly principal: Principal;
  /** Whose limit it counts in. */
  readonly caller: string;
  readonly connectionId: string;
  state: 'behind' | 'live' | 'over';
  /** The number of the last frame that was sent. */
  lastSent: number;
  isCatchingUp: boolean;
  /** What is on its way to the peer, as it was when it was last looked at. */
  bufferedBytes: number;
  /** When something came from the peer, in ms of the clock. */
  heardMs: number;
  /** Messages that it may still send at this moment, as of `tokensMs`. */
  tokens: number;
  tokensMs: number;
  commands: Command[] | null;
  commandBytes: number;
}

export interface Command {
  readonly message: RealtimeMessage;
  /** What the client calls it. */
  readonly id: string | number | undefined;
  readonly bytes: number;
}
