import type { Bus, DirectMessage } from '@switchboard/bus';
import { type Clock, type Principal, realtimeHeaders } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { Follower, Page, Topic } from './follower.ts';
import type { Outbox } from './outbox.ts';

/** When NATS comes back, thousands may miss something: the owners are asked by so many at a time. */
const QUESTIONS_AT_ONCE = 100;
const RETRIES_AT_ONCE = 200;

export interface DeliveryDeps {
  readonly bus: Pick<Bus, 'request' | 'isConnected'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly outbox: Outbox;
  /** It has the last frame. */
  readonly onFinished: (follower: Follower) => void;
  /** Its ticket was used again, `use` being the later use. */
  readonly onTicketUsed: (topic: Topic, ticketId: string, use: number) => void;
}

export interface FollowReply {
  readonly frames: readonly { readonly sequence: number; readonly text: string }[];
  readonly last_sequence: number;
  readonly is_final: boolean;
}

/**
 * Every follower gets every frame once and in order. Nothing is kept for those who miss one: they ask the owner from the
 * last frame they got, until they have what was heard of. What the bus loses shows in the next number, or in `sync`.
 */
export const createDelivery = (deps: DeliveryDeps) => {
  const { bus, clock, log, outbox, onFinished, onTicketUsed } = deps;
  /** Those for whom nobody could be asked; `retry` tries again. */
  const stalled = new Set<Follower>();

  /** Questions that wait for a place among those under way. */
  const waiting: (() => void)[] = [];
  let asking = 0;

  const inTurn = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    if (asking >= QUESTIONS_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    asking += 1;
    try {
      return await ask();
    } finally {
      asking -= 1;
      waiting.shift()?.();
    }
  };

  const pageOf = (topic: Topic, seenBefore: number, reply: FollowReply): Page => {
    topic.seen = Math.max(topic.seen, reply.last_sequence);
    if (reply.is_final) topic.final = reply.last_sequence;
    return {
      frames: reply.frames.map(({ sequence, text }) => ({ sequence, bytes: Buffer.from(text) })),
      lastSequence: reply.last_sequence,
      isFinal: reply.is_final,
      seenBefore,
    };
  };

  /** One question for all who miss the same. */
  const fetchPage = (topic: Topic, since: number, principal: Principal): Promise<Page> => {
    const underWay = topic.fetches.get(since);
    if (underWay) return underWay;
    const ask = async (): Promise<Page> => {
      const seenBefore = topic.seen;
      const reply = await bus.request(topic.contract.followRpc, { id: topic.id, since, principal });
      return pageOf(topic, seenBefore, reply);
    };
    const page = inTurn(ask).finally(() => topic.fetches.delete(since));
    topic.fetches.set(since, page);
    return page;
  };

  const goLive = (follower: Follower): void => {
    const { topic } = follower;
    follower.state = 'live';
    if (topic.final !== null && follower.lastSent >= topic.final) onFinished(follower);
  };

  /** Gives a page to a follower, as far as it reads. False: it was too much at once. */
  const give = (follower: Follower, page: Page): boolean => {
    const onSent = () => outbox.flushed(follower);
    for (const { sequence, bytes } of page.frames) {
      if (follower.state !== 'behind') return true;
      if (sequence <= follower.lastSent) continue;
      // What does not fit is not kept but asked for again: a page in hand would be memory that a slow reader holds.
      if (outbox.isFull(follower)) return false;
      follower.lastSent = sequence;
      outbox.send(follower, bytes, onSent);
    }
    return true;
  };

  const goOn = async (follower: Follower, first: Page | null): Promise<void> => {
    const { topic, principal } = follower;
    let page = first;
    let wasEmpty = false;
    while (follower.state === 'behind') {
      page ??= await fetchPage(topic, follower.lastSent, principal);
      const before = follower.lastSent;
      if (!give(follower, page)) await outbox.drained(follower, clock.now().getTime());
      else if (follower.state === 'behind') {
        // Somebody says more than the owner knows, who had it before he said it: it never happened.
        if (page.lastSequence < page.seenBefore && topic.seen === page.seenBefore) {
          topic.seen = Math.max(page.lastSequence, follower.lastSent);
        }
        if (follower.lastSent >= topic.seen) return goLive(follower);
        if (follower.lastSent === before && page.lastSequence > before) {
          // The owner may have written between two looks of its own. Twice the same, and what is missing is gone for good.
          if (wasEmpty && page.isFinal) follower.lastSent = page.lastSequence;
          else if (wasEmpty) throw new Error('The owner gives no frame where there is one');
          wasEmpty = true;
        } else wasEmpty = false;
      }
      page = null;
    }
  };

  /** Brings a follower to the present, unless that is under way. Never throws. */
  const catchUp = (follower: Follower, first: Page | null = null): void => {
    if (follower.isCatchingUp || follower.state !== 'behind') return;
    follower.isCatchingUp = true;
    stalled.delete(follower);
    goOn(follower, first)
      .catch((error: unknown) => {
        if (follower.state !== 'behind') return;
        log.debug({ err: error, kind: follower.topic.contract.kind }, 'a follower cannot catch up right now');
        stalled.add(follower);
      })
      .finally(() => {
        follower.isCatchingUp = false;
      });
  };

  const fallBehind = (follower: Follower): void => {
    follower.state = 'behind';
    catchUp(follower);
  };

  /** There is a frame with this number: whoever does not have it asks. */
  const noteSequence = (topic: Topic, sequence: number): void => {
    topic.seen = Math.max(topic.seen, sequence);
    for (const follower of topic.followers) {
      if (follower.state === 'live' && follower.lastSent < sequence) fallBehind(follower);
    }
  };

  const giveLive = (topic: Topic, sequence: number, payload: Uint8Array): void => {
    topic.seen = Math.max(topic.seen, sequence);
    // A copy: the client's buffer of many messages would be kept as long as the slowest of them.
    const bytes = Buffer.from(payload);
    for (const follower of topic.followers) {
      if (follower.state !== 'live' || follower.lastSent >= sequence) continue;
      if (follower.lastSent + 1 !== sequence) {
        fallBehind(follower);
        continue;
      }
      follower.lastSent = sequence;
      outbox.send(follower, bytes);
      if (sequence === topic.final) onFinished(follower);
    }
  };

  const ticketUsed = (topic: Topic, words: string): void => {
    const [id = '', use] = words.split(' ');
    if (Number.isSafeInteger(Number(use))) onTicketUsed(topic, id, Number(use));
  };

  return {
    pageOf,
    catchUp,
    noteSequence,
    /** What was published on the topic's subject. */
    onMessage(topic: Topic, message: DirectMessage): void {
      const ticket = message.header(realtimeHeaders.ticket);
      if (ticket !== undefined) ticketUsed(topic, ticket);
      const sequence = Number(message.header(realtimeHeaders.sequence));
      if (!Number.isSafeInteger(sequence) || sequence < 1) return;
      if (message.header(realtimeHeaders.final) === '1') topic.final = sequence;
      if (message.payload.length > 0) giveLive(topic, sequence, message.payload);
      else noteSequence(topic, sequence);
    },
    /** What `sync` says of a topic. */
    onSynced(topic: Topic, lastSequence: number, isFinal: boolean): void {
      if (isFinal) topic.final = lastSequence;
      noteSequence(topic, lastSequence);
      if (!isFinal) return;
      for (const follower of topic.followers) {
        if (follower.state === 'live' && follower.lastSent >= lastSequence) onFinished(follower);
      }
    },
    retry(): void {
      if (stalled.size === 0 || !bus.isConnected()) return;
      let left = RETRIES_AT_ONCE;
      for (const follower of stalled) {
        if (left === 0) return;
        left -= 1;
        catchUp(follower);
      }
    },
    forget: (follower: Follower): void => void stalled.delete(follower),
  };
};
export type Delivery = ReturnType<typeof createDelivery>;
