import type { DeliveryStatus } from '@switchboard/contracts';
import type pg from 'pg';
import { awkwardBody, KEY_ID } from './deliveries.ts';

type Query = (text: string, values: readonly unknown[]) => Promise<unknown>;

export interface Filling {
  readonly count: number;
  readonly status: DeliveryStatus;
  /** Of the oldest; the others follow a second apart. */
  readonly from: Date;
  /** Without one they are callbacks of `KEY_ID`, or of this key. */
  readonly endpointId?: string;
  readonly keyId?: string;
  readonly owner?: string;
  readonly eventType?: string;
  readonly url?: string;
  readonly body?: string | null;
  /** Of the oldest. */
  readonly sequence?: number;
}

/** Deliveries as they stand after an attempt or before their first, all in one statement. */
export const fillDeliveries = async (query: Query, filling: Filling): Promise<void> => {
  const {
    endpointId = null,
    keyId = KEY_ID,
    body = awkwardBody,
    url = 'http://127.0.0.1:1999/hook',
  } = filling;
  const owner = filling.owner ?? `partner_key:${keyId}`;
  await query(
    `WITH made AS MATERIALIZED (
       SELECT i, gen_random_uuid() AS id, gen_random_uuid()::text AS message_id,
         $2::timestamptz + interval '1 second' * i AS at
       FROM generate_series(0, $1::int - 1) AS i
     ), message AS (
       INSERT INTO webhooks.webhook_messages (id, event_type, body, created_at)
       SELECT message_id, $3, $4, at FROM made
     )
     INSERT INTO webhooks.webhook_deliveries (id, message_id, event_type, owner, environment, lane, target_host,
       profile, url, secret, endpoint_id, sequence, status, attempt_count, schedule_step, due_at, created_at, finished_at)
     SELECT id, message_id, $3, $5, 'sandbox', coalesce($6, $5 || '/host'),
       CASE WHEN $6 IS NULL THEN 'host' END,
       CASE WHEN $6 IS NULL THEN 'partner' ELSE 'standard' END, CASE WHEN $6 IS NULL THEN $7 END,
       CASE WHEN $6 IS NULL THEN jsonb_build_object('kind', 'partner', 'key_id', $8::text, 'version', 1) END,
       $6::uuid, CASE WHEN $6 IS NULL THEN NULL ELSE $9::bigint + i END, $10,
       CASE WHEN $10 IN ('pending', 'held') THEN 0 ELSE 1 END, CASE WHEN $10 IN ('pending', 'held') THEN 0 ELSE 1 END,
       CASE WHEN $10 = 'pending' THEN at END, at, CASE WHEN $10 NOT IN ('pending', 'held') THEN at END
     FROM made`,
    [
      filling.count,
      filling.from,
      filling.eventType ?? 'ticket.created',
      body,
      owner,
      endpointId,
      url,
      keyId,
      filling.sequence ?? 1,
      filling.status,
    ],
  );
};

/** For `fillDeliveries`. */
export const queryOf =
  (client: Pick<pg.Client, 'query'>): Query =>
  (text, values) =>
    client.query(text, [...values]);
