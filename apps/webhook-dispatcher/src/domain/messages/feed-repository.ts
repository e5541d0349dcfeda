import type { DeliveryStatus } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

export interface FeedRow {
  readonly sequence: number;
  readonly message_id: string;
  readonly delivery_id: string;
  readonly event_type: string;
  readonly status: DeliveryStatus;
  /** Null: kept no longer, or one too many. */
  readonly body: string | null;
  readonly created_at: Date;
  /** False: its body would make the page too large. */
  readonly fits: boolean;
}

export interface FeedPage {
  /** One more than `limit` when there are more. */
  readonly rows: readonly FeedRow[];
  readonly lastSequence: number;
}

/**
 * Messages of an endpoint after a sequence, oldest first, and its last sequence: of one moment, so that both agree. Bodies are
 * given until they have `bytesMax` together; the first one always is.
 */
export const listFeed = async (
  executor: Executor,
  endpointId: string,
  { after, limit, bytesMax }: { readonly after: number; readonly limit: number; readonly bytesMax: number },
): Promise<FeedPage> => {
  const { rows } = await sql<FeedRow & { last_sequence: number }>`
    SELECT s.last_sequence, page.*
    FROM webhook_endpoint_sequences s
    LEFT JOIN LATERAL (
      SELECT sized.sequence, sized.message_id, sized.id AS delivery_id, sized.event_type, sized.status, sized.created_at,
        sized.bytes_before < ${bytesMax}::bigint AS fits,
        CASE WHEN sized.bytes_before < ${bytesMax}::bigint THEN sized.body END AS body
      FROM (
        SELECT d.*, m.body,
          coalesce(sum(octet_length(m.body)) OVER (ORDER BY d.sequence ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), 0)
            AS bytes_before
        FROM (
          SELECT id, message_id, sequence, event_type, status, created_at FROM webhook_deliveries
          WHERE endpoint_id = s.endpoint_id AND sequence > ${after}::bigint
          ORDER BY sequence LIMIT ${limit + 1}::int
        ) d JOIN webhook_messages m ON m.id = d.message_id
      ) sized
    ) page ON true
    WHERE s.endpoint_id = ${endpointId}
    ORDER BY page.sequence`.execute(executor);
  return {
    rows: rows.filter((row) => row.sequence !== null),
    lastSequence: rows[0]?.last_sequence ?? 0,
  };
};
