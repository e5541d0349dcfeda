import { AppError, webhookAdminRoutes, webhookEvents } from '@switchboard/contracts';
import { type DataContext, type IdempotentAnswer, type Tools, toJson } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { type RepeatableContext, runAdminOnce } from '../administration/run-admin-once.ts';
import { bodiesSince } from '../deliveries/bodies-since.ts';
import type { Executor } from '../deliveries/executor.ts';
import { callbackLane } from '../deliveries/persist-requests.ts';
import type { DeliveryReference } from '../deliveries/types.ts';
import { type EndpointRecord, findEndpoint, laneOfEndpoint } from '../endpoints/endpoint-repository.ts';
import { putInLine } from './put-in-line.ts';
import { insertReplay } from './replay-repository.ts';

const route = webhookAdminRoutes.replayDelivery;
const answerSchema = route.responses[202].schema;

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
 * is left as it is, so that asking twice is as good as once; with an idempotency key it is so when it has arrived, too.
 *
 * @throws DELIVERY_NOT_FOUND, ENDPOINT_NOT_FOUND when it was deleted, ENDPOINT_DISABLED, MESSAGE_EXPIRED, DUPLICATE_REQUEST
 */
export const replayDelivery = async (
  { data, engine, settings }: Pick<Deps, 'data' | 'engine' | 'settings'>,
  admin: RepeatableContext,
  deliveryId: string,
): Promise<IdempotentAnswer<z.output<typeof answerSchema>>> => {
  let due: DeliveryReference | null = null;
  const answer = await runAdminOnce(
    data,
    admin,
    { route, request: { delivery_id: deliveryId.toLowerCase() }, status: 202, answer: answerSchema },
    async (tools): Promise<z.output<typeof answerSchema>> => {
      due = null;
      const since = bodiesSince(data.clock.now(), settings.payloadDays);
      const found = await lockDelivery(tools.trx, deliveryId, since);
      const { id, lane, owner, replayId } = found;
      const body = { delivery_id: id, attempt_number: found.attemptCount + 1 };
      if (found.status === 'pending') return { ...body, status: 'waiting', replay_id: replayId };
      const endpoint = await requireOpenEndpoint(tools.trx, found);
      if (!found.hasBody) throw new AppError('MESSAGE_EXPIRED');
      const replay_id = await sendAnew(tools, data, admin, found);
      due = { id, lane: endpoint ? laneOfEndpoint(endpoint) : callbackLane(lane, owner) };
      return { ...body, status: 'scheduled', replay_id };
    },
  );
  if (due) engine.offer(due);
  return answer;
};
