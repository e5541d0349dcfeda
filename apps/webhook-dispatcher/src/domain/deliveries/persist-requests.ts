import type { DataOf, webhookEvents } from '@switchboard/contracts';
import type { Executor } from './executor.ts';
import { insertDeliveries, insertMessages, type NewDelivery } from './insert-deliveries.ts';
import type { DeliveryReference, Lane } from './types.ts';

export interface RequestedDelivery {
  /** The id the delivery gets if it is new. */
  readonly id: string;
  readonly request: DataOf<(typeof webhookEvents)['deliveryRequested']>;
  readonly traceparent: string | undefined;
}

/** Host and port of a target, as sends are bounded by it; what is no URL shares one place and is refused there. */
export const targetHost = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');

/** Callbacks are bounded by what this process grants to any. */
export const callbackLane = (lane: string, owner: string): Lane => ({
  lane,
  owner,
  concurrency: null,
  ratePerSecond: null,
  openUntil: null,
});

/**
 * Stores messages and their deliveries; call it in the inbox transaction of their events.
 *
 * @param times.dueAt when the first attempt is due
 * @returns the new ones: a message asked for twice is one delivery
 */
export const persistRequests = async (
  trx: Executor,
  requested: readonly RequestedDelivery[],
  { now, dueAt }: { readonly now: Date; readonly dueAt: Date },
): Promise<readonly DeliveryReference[]> => {
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
  const deliveries = [...byMessage.values()]
    .filter(({ request }) => fresh.has(request.message_id))
    .map(({ id, request }): NewDelivery => {
      const owner = `partner_key:${request.secret.key_id}`;
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
        dueAt,
      };
    });
  await insertDeliveries(trx, deliveries, { now });
  return deliveries.map(({ id, lane, owner }) => ({ id, lane: callbackLane(lane, owner) }));
};
