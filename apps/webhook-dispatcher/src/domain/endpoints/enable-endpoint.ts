import {
  type BodyOf,
  type ReplayAnswer,
  type webhookAdminRoutes,
  webhookEvents,
} from '@switchboard/contracts';
import { type DataContext, type Tools, transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { hasHeldDeliveries, holdDeliveries } from '../deliveries/hold-deliveries.ts';
import { createReplay } from '../replays/create-replay.ts';
import { endpointAct } from './endpoint-act.ts';
import {
  type EndpointDetails,
  type EndpointRecord,
  forgetFailures,
  lockEndpoint,
  lockHealth,
  markEnabled,
  requireEndpoint,
  requireEndpointDetails,
} from './endpoint-repository.ts';

const HELD_AT_ONCE_MAX = 1_000;

type Input = BodyOf<(typeof webhookAdminRoutes)['enableEndpoint']>;

/** What came while it was disabled is missed, however much of it the repeated task has not come to yet. */
const holdTheRest = async (data: DataContext<'webhooks'>, endpoint: EndpointRecord): Promise<void> => {
  if (endpoint.status === 'enabled') return;
  const options = { now: data.clock.now(), rowsMax: HELD_AT_ONCE_MAX };
  while ((await holdDeliveries(data.db, endpoint.id, options)) === HELD_AT_ONCE_MAX);
};

const enable = async (
  { trx, emit }: Tools<'webhooks'>,
  ctx: AdminContext,
  endpoint: EndpointRecord,
  now: Date,
): Promise<void> => {
  await holdDeliveries(trx, endpoint.id, { now, rowsMax: HELD_AT_ONCE_MAX });
  await markEnabled(trx, endpoint.id, now);
  await forgetFailures(trx, endpoint.id);
  const before = { status: 'disabled', disabled_reason: endpoint.disabledReason };
  const act = endpointAct('enable', endpoint, { before, after: { status: 'enabled' } });
  emit(webhookEvents.adminActed, adminActOf(ctx, act));
};

/**
 * Sends to an endpoint again. What it missed is put in line by a replay if that is asked for, now or by asking again; else it
 * stays held, and can be replayed later.
 *
 * @throws ENDPOINT_NOT_FOUND
 */
export const enableEndpoint = async (
  { data, settings }: Pick<Deps, 'data' | 'settings'>,
  ctx: AdminContext,
  endpointId: string,
  { send_missed, rate_per_second }: Input,
): Promise<{ readonly endpoint: EndpointDetails; readonly replay: ReplayAnswer | null }> => {
  await holdTheRest(data, await requireEndpoint(data.db, endpointId));
  return transact(data, async (tools) => {
    const { trx } = tools;
    const now = data.clock.now();
    await lockHealth(trx, endpointId);
    const endpoint = await lockEndpoint(trx, endpointId);
    const { id } = endpoint;
    if (endpoint.status === 'disabled') await enable(tools, ctx, endpoint, now);
    const replay =
      send_missed && (await hasHeldDeliveries(trx, id))
        ? await createReplay(
            tools,
            data,
            ctx,
            {
              kind: 'missed',
              filter: { endpoint_id: id, statuses: ['held'] },
              ratePerSecond: rate_per_second,
            },
            { payloadDays: settings.payloadDays },
          )
        : null;
    return { endpoint: await requireEndpointDetails(trx, id, now), replay };
  });
};
