import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import { disableEndpoint } from './disable-endpoint.ts';
import { endpointAct } from './endpoint-act.ts';
import { type EndpointDetails, requireEndpointDetails } from './endpoint-repository.ts';

/** An administrator disables an endpoint. One that is disabled stays so, for the reason it had. @throws ENDPOINT_NOT_FOUND */
export const disableByHand = (
  data: DataContext<'webhooks'>,
  ctx: AdminContext,
  endpointId: string,
): Promise<EndpointDetails> =>
  transact(data, async (tools) => {
    const { trx, emit } = tools;
    const now = data.clock.now();
    const { id, lastError } = await requireEndpointDetails(trx, endpointId, now);
    const isDisabled = await disableEndpoint(tools, data, { endpointId: id, reason: 'manual', lastError });
    const endpoint = await requireEndpointDetails(trx, id, now);
    if (isDisabled) {
      const change = { before: { status: 'enabled' }, after: { status: 'disabled' } };
      emit(webhookEvents.adminActed, adminActOf(ctx, endpointAct('disable', endpoint, change)));
    }
    return endpoint;
  });
