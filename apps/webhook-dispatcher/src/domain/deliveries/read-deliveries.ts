import type { DeliveryStatus, Environment } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from './executor.ts';
import { all, type Narrowing, narrow, narrowByIndex } from './narrow-deliveries.ts';
import type { Profile } from './types.ts';

export interface DeliveryRecord {
  readonly id: string;
  readonly messageId: string;
  readonly eventType: string;
  readonly owner: string;
  readonly environment: Environment;
  readonly profile: Profile;
  readonly endpointId: string | null;
  readonly sequence: number | null;
  /** Of its endpoint as it is now, or of its own. */
  readonly url: string;
  readonly status: DeliveryStatus;
  readonly attemptCount: number;
  readonly dueAt: Date | null;
  readonly replayId: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** A page looks at no more rows than this for those that pass the filters; the next one goes on where it ended. */
export const EXAMINED_ROWS_MAX = 5_000;

export interface DeliveryPage {
  readonly limit: number;
  readonly after: Position | null;
}

const COLUMNS = sql`
  d.id, d.message_id AS "messageId", d.event_type AS "eventType", d.owner, d.environment, d.profile,
  d.endpoint_id AS "endpointId", d.sequence, coalesce(d.url, e.url) AS url, d.status,
  d.attempt_count AS "attemptCount", d.due_at AS "dueAt", d.replay_id AS "replayId", d.created_at AS "createdAt",
  d.finished_at AS "finishedAt"`;

const examined = (wanted: Narrowing, after: Position | null, columns: RawBuilder<unknown>) => sql`
  SELECT ${columns} FROM webhook_deliveries d
  WHERE ${all([
    ...narrowByIndex(wanted),
    ...(after ? [sql`(d.created_at, d.id) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`] : []),
  ])}
  ORDER BY d.created_at DESC, d.id DESC`;

/** Deliveries newest first, one more than `limit` when there are more among those that are looked at. */
export const listDeliveries = async (
  executor: Executor,
  wanted: Narrowing,
  { limit, after }: DeliveryPage,
): Promise<readonly DeliveryRecord[]> => {
  const { rows } = await sql<DeliveryRecord>`
    SELECT ${COLUMNS}
    FROM (
      SELECT * FROM (${examined(wanted, after, sql`d.*`)} LIMIT ${EXAMINED_ROWS_MAX}::int) AS d
      WHERE ${all(narrow(wanted))}
      ORDER BY d.created_at DESC, d.id DESC LIMIT ${limit + 1}::int
    ) AS d
    LEFT JOIN webhook_endpoints e ON e.id = d.endpoint_id
    ORDER BY d.created_at DESC, d.id DESC`.execute(executor);
  return rows;
};

/** Where looking for deliveries ended, when there is more behind it. */
export const findEndOfExamined = async (
  executor: Executor,
  wanted: Narrowing,
  after: Position | null,
): Promise<Position | null> => {
  const { rows } = await sql<Position>`
    ${examined(wanted, after, sql`d.id, d.created_at AS "createdAt"`)}
    OFFSET ${EXAMINED_ROWS_MAX - 1}::int LIMIT 1`.execute(executor);
  return rows[0] ?? null;
};

/** One, with what it says; undefined: there is none. */
export const findDelivery = async (
  executor: Executor,
  id: string,
): Promise<(DeliveryRecord & { readonly body: string | null }) | undefined> => {
  const { rows } = await sql<DeliveryRecord & { readonly body: string | null }>`
    SELECT ${COLUMNS}, m.body
    FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
    LEFT JOIN webhook_endpoints e ON e.id = d.endpoint_id
    WHERE d.id = ${id}::uuid`.execute(executor);
  return rows[0];
};
