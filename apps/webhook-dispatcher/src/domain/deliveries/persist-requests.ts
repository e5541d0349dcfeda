import type { DataOf, webhookEvents } from '@switchboard/contracts';
import type { Executor } from './executor.ts';
import { insertDeliveries, insertMessages, type NewDelivery } from './insert-deliveries.ts';
import { nextAttemptAt, type Schedule } from './schedule.ts';
import type { DeliveryReference, Lane, LeasedDelivery, Reserve, StoredDeliveries } from './types.ts';

export interface RequestedDelivery {
  /** The id the delivery gets if it is new. */
  readonly id: string;
  readonly request: DataOf<(typeof webhookEvents)['deliveryRequested']>;
  readonly traceparent: string | undefined;
}

/** Host and port of a target, as sends are bounded by it; what is no URL shares one place and is refused there. */
export const targetHost = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');

/** Whose the callbacks of a partner key are: the key's, as its endpoints would be (`webhookOwnerOf`). */
export const callbackOwner = (keyId: string): string => `partner_key:${keyId}`;

/** Callbacks are bounded by what this process grants to any. */
export const callbackLane = (lane: string, owner: string): Lane => ({
  lane,
  owner,
  concurrency: null,
  ratePerSecond: null,
  openUntil: null,
});

export interface PersistOptions {
  readonly now: Date;
  readonly schedule: Schedule;
  /** Without it, all of them wait. */
  readonly reserve?: Reserve;
}

const newDelivery = ({ id, request }: RequestedDelivery): Omit<NewDelivery, 'dueAt' | 'lease'> => {
  const owner = callbackOwner(request.secret.key_id);
  const host = targetHost(request.url);
  return {
    id,
    messageId: request.message_id,
    eventType: request.event_type,
    owner,
    environment: request.environment,
    lane: `${owner}/${host}`,
    targetHost: host,
    profile: request.profile,
    url: request.url,
    secret: request.secret,
    endpointId: null,
    sequence: null,
    status: 'pending',
  };
};

/** The same delivery as a claim would give it. */
const firstAttempt = (
  delivery: Omit<NewDelivery, 'dueAt' | 'lease'>,
  { request, traceparent }: RequestedDelivery,
  { now, schedule }: PersistOptions,
): LeasedDelivery => ({
  id: delivery.id,
  messageId: delivery.messageId,
  eventType: delivery.eventType,
  body: request.body,
  traceparent: traceparent ?? null,
  owner: delivery.owner,
  lane: delivery.lane,
  url: request.url,
  host: targetHost(request.url),
  environment: delivery.environment,
  signing: { profile: 'partner', secret: request.secret },
  schedule,
  replayId: null,
  attemptNumber: 1,
  step: 0,
  earlierAttempts: 0,
  createdAt: now,
});

/**
 * Stores messages and their deliveries; call it in the inbox transaction of their events. One that is due now and that
 * there is a slot for is stored as taken, and needs no claim.
 *
 * @returns the new ones: a message asked for twice is one delivery
 */
export const persistRequests = async (
  trx: Executor,
  requested: readonly RequestedDelivery[],
  options: PersistOptions,
): Promise<StoredDeliveries> => {
  const { now, schedule, reserve } = options;
  const byMessage = new Map<string, RequestedDelivery>();
  for (const one of requested) {
    if (!byMessage.has(one.request.message_id)) byMessage.set(one.request.message_id, one);
  }
  const messages = [...byMessage.values()].map(({ request, traceparent }) => ({
    id: request.message_id,
    eventType: request.event_type,
    body: request.body,
    traceparent,
  }));
  const fresh = await insertMessages(trx, messages, { now });
  const dueAt = nextAttemptAt(schedule, 0, now) ?? now;
  const isDue = dueAt <= now;
  const deliveries: NewDelivery[] = [];
  const begun: LeasedDelivery[] = [];
  const waiting: DeliveryReference[] = [];
  for (const one of byMessage.values()) {
    if (!fresh.has(one.request.message_id)) continue;
    const delivery = newDelivery(one);
    const lane = callbackLane(delivery.lane, delivery.owner);
    const lease = isDue ? (reserve?.(lane) ?? null) : null;
    deliveries.push({ ...delivery, dueAt, ...(lease ? { lease } : {}) });
    if (lease) begun.push(firstAttempt(delivery, one, options));
    else if (isDue) waiting.push({ id: delivery.id, lane });
  }
  await insertDeliveries(trx, deliveries, { now });
  return { begun, waiting };
};
