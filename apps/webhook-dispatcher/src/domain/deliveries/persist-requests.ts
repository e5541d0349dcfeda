import type { DataOf, webhookEvents } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from './executor.ts';
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
 * Stores messages and their deliveries, in one statement; call it in the inbox transaction of their events.
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
  const rows = [...byMessage.values()].map(({ id, request, traceparent }) => ({
    ...request,
    id,
    traceparent,
    target_host: targetHost(request.url),
    owner: `partner_key:${request.secret.key_id}`,
    lane: `partner_key:${request.secret.key_id}/${targetHost(request.url)}`,
  }));
  // In the order of the ids: two dispatchers that store the same messages wait for each other and do not deadlock.
  const { rows: stored } = await sql<{ id: string; lane: string; owner: string }>`
    WITH requested AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r
        (id uuid, message_id text, event_type text, body text, traceparent text, profile text, url text,
         target_host text, environment text, secret jsonb, owner text, lane text)
    ), message AS (
      INSERT INTO webhook_messages (id, event_type, body, traceparent, created_at)
      SELECT message_id, event_type, body, traceparent, ${now}::timestamptz FROM requested ORDER BY message_id
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    )
    INSERT INTO webhook_deliveries
      (id, message_id, event_type, owner, lane, profile, url, target_host, environment, secret, due_at, created_at)
    SELECT r.id, r.message_id, r.event_type, r.owner, r.lane, r.profile, r.url, r.target_host, r.environment, r.secret,
      ${dueAt}::timestamptz, ${now}::timestamptz
    FROM requested r JOIN message ON message.id = r.message_id
    RETURNING id, lane, owner`.execute(trx);
  return stored.map(({ id, lane, owner }) => ({ id, lane: callbackLane(lane, owner) }));
};
