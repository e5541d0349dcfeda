import type { DataOf, Ids, webhookEvents } from '@switchboard/contracts';
import type { Executor } from '../deliveries/executor.ts';
import { insertDeliveries, insertMessages, type NewDelivery } from '../deliveries/insert-deliveries.ts';
import { targetHost } from '../deliveries/persist-requests.ts';
import { nextAttemptAt, type Schedule } from '../deliveries/schedule.ts';
import type { DeliveryReference, LeasedDelivery, Reserve, StoredDeliveries } from '../deliveries/types.ts';
import { laneOfEndpoint } from '../endpoints/endpoint-repository.ts';
import { advanceSequences, type Taker } from './fan-out-repository.ts';

export interface PublishedMessage {
  readonly message: DataOf<(typeof webhookEvents)['messagePublished']>;
  readonly traceparent: string | undefined;
}

/** A message, and the endpoints that get it. */
export interface Addressed extends PublishedMessage {
  readonly takers: readonly Taker[];
}

export interface StoreOptions {
  readonly now: Date;
  readonly ids: Ids;
  /** Of endpoints that have none of their own. */
  readonly schedule: Schedule;
  /** Without it, all of them wait. */
  readonly reserve?: Reserve;
}

/** How many of the messages each endpoint gets. */
const countByEndpoint = (addressed: readonly Addressed[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { takers } of addressed) {
    for (const { id } of takers) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
};

/** The same delivery as a claim would give it. */
const firstAttempt = (
  { id, messageId, eventType, owner, lane, environment }: NewDelivery,
  taker: Taker,
  {
    now,
    sequence,
    ...content
  }: Pick<LeasedDelivery, 'body' | 'traceparent' | 'schedule'> & {
    readonly now: Date;
    readonly sequence: number;
  },
): LeasedDelivery => ({
  ...content,
  id,
  messageId,
  eventType,
  owner,
  lane,
  url: taker.url,
  host: targetHost(taker.url),
  environment,
  signing: {
    profile: 'standard',
    endpointId: taker.id,
    sequence,
    secretsSealed: taker.secretsSealed,
    headersSealed: taker.headersSealed,
  },
  replayId: null,
  attemptNumber: 1,
  step: 0,
  earlierAttempts: 0,
  createdAt: now,
});

/**
 * Stores messages that are new, each with a delivery to every endpoint that gets it, numbered in the order of the messages.
 * Call it with the sequences of these endpoints locked (`lockSequences`) and the endpoints as they are since
 * (`readTakers`). What is for a disabled endpoint is held.
 *
 * @returns what is to be sent at once, after the commit
 */
export const storeForEndpoints = async (
  trx: Executor,
  addressed: readonly Addressed[],
  { now, ids, schedule, reserve }: StoreOptions,
): Promise<StoredDeliveries> => {
  const taken = addressed.filter(({ takers }) => takers.length > 0);
  const newIds = await insertMessages(
    trx,
    taken.map(({ message, traceparent }) => ({
      id: message.message_id,
      eventType: message.event_type,
      body: message.body,
      traceparent,
    })),
    { now },
  );
  // One that is here already used up its numbers then.
  const fresh = taken.filter(({ message }) => newIds.has(message.message_id));
  if (fresh.length === 0) return { begun: [], waiting: [] };
  const counts = countByEndpoint(fresh);
  const last = await advanceSequences(trx, counts);
  const next = new Map([...last].map(([id, sequence]) => [id, sequence - (counts.get(id) ?? 0) + 1]));

  const deliveries: NewDelivery[] = [];
  const begun: LeasedDelivery[] = [];
  const waiting: DeliveryReference[] = [];
  for (const { message, takers, traceparent } of fresh) {
    for (const taker of takers) {
      const sequence = next.get(taker.id);
      if (sequence === undefined) throw new TypeError(`endpoint ${taker.id} has no sequence`);
      next.set(taker.id, sequence + 1);
      const id = ids.next();
      const lane = { ...laneOfEndpoint(taker), openUntil: taker.circuitOpenUntil };
      const ownSchedule = taker.scheduleSeconds ?? schedule;
      const dueAt = taker.status === 'enabled' ? nextAttemptAt(ownSchedule, 0, now) : null;
      const isDue = dueAt !== null && dueAt <= now;
      const lease = isDue ? (reserve?.(lane) ?? null) : null;
      const delivery: NewDelivery = {
        id,
        messageId: message.message_id,
        eventType: message.event_type,
        owner: taker.owner,
        environment: taker.environment,
        lane: lane.lane,
        targetHost: null,
        profile: 'standard',
        url: null,
        secret: null,
        endpointId: taker.id,
        sequence,
        status: dueAt === null ? 'held' : 'pending',
        dueAt,
        ...(lease ? { lease } : {}),
      };
      deliveries.push(delivery);
      if (lease) {
        const content = { body: message.body, traceparent: traceparent ?? null };
        begun.push(firstAttempt(delivery, taker, { ...content, now, sequence, schedule: ownSchedule }));
      } else if (isDue) waiting.push({ id, lane });
    }
  }
  await insertDeliveries(trx, deliveries, { now });
  return { begun, waiting };
};
