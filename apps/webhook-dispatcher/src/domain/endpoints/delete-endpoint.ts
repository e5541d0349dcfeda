import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { cancelDeliveries } from '../deliveries/cancel-deliveries.ts';
import { auditedSettings, endpointAct } from './endpoint-act.ts';
import { lockEndpoint, markDeleted } from './endpoint-repository.ts';

/** Cancelled at once; a repeated task cancels the rest, and nobody sends it meanwhile. */
const CANCELLED_AT_ONCE_MAX = 1_000;

/** Deletes an endpoint for good: its secrets go, its deliveries stay on record. @throws ENDPOINT_NOT_FOUND */
export const deleteEndpoint = (
  data: DataContext<'webhooks'>,
  ctx: AdminContext,
  endpointId: string,
): Promise<void> =>
  transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    const endpoint = await lockEndpoint(trx, endpointId);
    await markDeleted(trx, endpoint.id, now);
    await cancelDeliveries(trx, endpoint.id, { now, rowsMax: CANCELLED_AT_ONCE_MAX });
    const { environment, status } = endpoint;
    const before = { environment, status, ...auditedSettings(endpoint) };
    emit(webhookEvents.adminActed, adminActOf(ctx, endpointAct('delete', endpoint, { before, after: null })));
  });
