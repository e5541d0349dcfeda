import type { DataOf, webhookEvents } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import type { DeliveryReference } from './types.ts';

export interface RequestedDelivery {
  /** The id the delivery gets if it is new. */
  readonly id: string;
  readonly request: DataOf<(typeof webhookEvents)['deliveryRequested']>;
  readonly traceparent: string | undefined;
  readonly now: Date;
  /** When the first attempt is due. */
  readonly dueAt: Date;
}

/** Host and port of a target, as sends are bounded by it; what is no URL shares one place and is refused there. */
export const targetHost = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');

/**
 * Stores a message and its delivery; call it in the inbox transaction of the event.
 *
 * @returns null when the message is already known: the same message asked for twice is one delivery
 */
export const persistRequest = async (
  trx: Executor,
  { id, request, traceparent, now, dueAt }: RequestedDelivery,
): Promise<DeliveryReference | null> => {
  const host = targetHost(request.url);
  const { rows } = await sql<{ id: string }>`
    WITH message AS (
      INSERT INTO webhook_messages (id, event_type, body, traceparent, created_at)
      VALUES (${request.message_id}, ${request.event_type}, ${request.body}, ${traceparent ?? null}, ${now})
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    )
    INSERT INTO webhook_deliveries
      (id, message_id, profile, url, target_host, environment, secret, due_at, created_at)
    SELECT ${id}::uuid, message.id, ${request.profile}, ${request.url}, ${host}, ${request.environment},
      ${JSON.stringify(request.secret)}::jsonb, ${dueAt}::timestamptz, ${now}::timestamptz
    FROM message
    RETURNING id`.execute(trx);
  return rows.length === 0 ? null : { id, host };
};
