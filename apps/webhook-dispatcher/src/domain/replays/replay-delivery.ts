import { AppError, webhookEvents } from '@switchboard/contracts';
import { type DataContext, type Tools, toJson, transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { sql } from 'kysely';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import type { Executor } from '../deliveries/executor.ts';
import { callbackLane } from '../deliveries/persist-requests.ts';
import type { DeliveryReference } from '../deliveries/types.ts';
import { type EndpointRecord, findEndpoint, laneOfEndpoint } from '../endpoints/endpoint-repository.ts';
import { putInLine } from './put-in-line.ts';
import { insertReplay } from './replay-repository.ts';

interface Found {
  readonly id: string;
  readonly messageId: string;
  readonly lane: string;
  readonly owner: string;
  readonly endpointId: string | null;
  readonly status: 'pending' | 'held' | 'succeeded' | 'exhausted' | 'cancelled';
  readonly attemptCount: number;
  readonly replayId: string | null;
  readonly hasBody: boolean;
}

const lockDelivery = async (trx: Executor, id: string, since: Date): Promise<Found> => {
  const { rows } = await sql<Found>`
    SELECT d.id, d.message_id AS "messageId", d.lane, d.owner, d.endpoint_id AS "endpointId", d.status,
      d.attempt_count AS "attemptCount", d.replay_id AS "replayId",
      m.body IS NOT NULL AND m.created_at > ${since}::timestamptz AS "hasBody"
    FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
    WHERE d.id = ${id}::uuid FOR NO KEY UPDATE OF d`.execute(trx);
  const [row] = rows;
  if (!row) throw new AppError('DELIVERY_NOT_FOUND');
  return row;
};

/** The endpoint it goes to, which must take something; null for a callback. */
const requireOpenEndpoint = async (trx: Executor, { endpointId }: Found): Promise<EndpointRecord | null> => {
  if (endpointId === null) return null;
  const endpoint = await findEndpoint(trx, endpointId);
  if (!endpoint) throw new AppError('ENDPOINT_NOT_FOUND');
  if (endpoint.status === 'disabled') throw new AppError('ENDPOINT_DISABLED');
  return endpoint;
};

export interface ReplayedDelivery {
  readonly deliveryId: string;
  readonly status: 'scheduled' | 'waiting';
  readonly attemptNumber: number;
  readonly replayId: string | null;
  /** To be sent now; null when an attempt was to come anyway. */
  readonly due: DeliveryReference | null;
}

const sendAnew = async (
  { trx, emit }: Tools<'webhooks'>,
  ctx: DataContext<'webhooks'>,
  admin: AdminContext,
  found: Found,
): Promise<string> => {
  const now = ctx.clock.now();
  const replay = await insertReplay(trx, {
    id: ctx.ids.next(),
    kind: 'replay',
    endpoint_id: found.endpointId,
    filter: toJson({ delivery_id: found.id }),
    rate_per_second: 1,
    total: 1,
    scheduled: 1,
    next_at: now,
    created_by: admin.principal.user_id,
    created_at: now,
    looked_through_at: now,
  });
  await putInLine(trx, replay.id, [{ deliveryId: found.id, dueAt: now }]);
  emit(
    webhookEvents.adminActed,
    adminActOf(admin, {
      action: 'webhook_delivery.replay',
      target: { type: 'webhook_delivery', id: found.id, name: null },
      before: { status: found.status, attempt_count: found.attemptCount },
      after: { status: 'pending', message_id: found.messageId, replay_id: replay.id },
    }),
  );
  return replay.id;
};

/**
 * Sends one delivery again, whatever became of it: a replay of its own, with a total of one. One that waits for an attempt
 * is left as it is, so that asking twice is as good as once.
 *
 * @throws DELIVERY_NOT_FOUND, ENDPOINT_NOT_FOUND when it was deleted, ENDPOINT_DISABLED, MESSAGE_EXPIRED
 */
export const replayDelivery = (
  ctx: DataContext<'webhooks'>,
  admin: AdminContext,
  deliveryId: string,
  { payloadDays }: { readonly payloadDays: number },
): Promise<ReplayedDelivery> =>
  transact(ctx, async (tools) => {
    const found = await lockDelivery(tools.trx, deliveryId, bodiesSince(ctx.clock.now(), payloadDays));
    const { id, lane, owner, replayId } = found;
    const answer = { deliveryId: id, attemptNumber: found.attemptCount + 1 };
    if (found.status === 'pending') return { ...answer, status: 'waiting', replayId, due: null };
    const endpoint = await requireOpenEndpoint(tools.trx, found);
    if (!found.hasBody) throw new AppError('MESSAGE_EXPIRED');
    return {
      ...answer,
      status: 'scheduled',
      replayId: await sendAnew(tools, ctx, admin, found),
      due: { id, lane: endpoint ? laneOfEndpoint(endpoint) : callbackLane(lane, owner) },
    };
  });
