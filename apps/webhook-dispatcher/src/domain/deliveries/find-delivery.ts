import { sql } from 'kysely';
import type { Executor } from './executor.ts';

/** The id of the delivery of a message to an endpoint, which must exist. */
export const findDeliveryOf = async (
  executor: Executor,
  messageId: string,
  endpointId: string,
): Promise<string> => {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM webhook_deliveries WHERE message_id = ${messageId} AND endpoint_id = ${endpointId}`.execute(
    executor,
  );
  const [row] = rows;
  if (!row) throw new Error(`message ${messageId} has no delivery to endpoint ${endpointId}`);
  return row.id;
};
