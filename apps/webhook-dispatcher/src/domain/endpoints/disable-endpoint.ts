import { webhookEvents } from '@switchboard/contracts';
import type { DataContext, Tools } from '@switchboard/db';
import { holdDeliveries } from '../deliveries/hold-deliveries.ts';
import { tellOwner } from '../messages/tell-owner.ts';
import { type DisabledReason, markDisabled } from './endpoint-repository.ts';

/** Held at once; a repeated task holds the rest, and nobody sends it meanwhile. */
const HELD_AT_ONCE_MAX = 1_000;

export interface Disabling {
  readonly endpointId: string;
  readonly reason: DisabledReason;
  /** What its last attempt failed with, in words. */
  readonly lastError: string | null;
}

/**
 * Disables an endpoint within a transaction: what waits for it is kept, and its owner and whoever made it are told.
 *
 * @returns false: it was disabled or deleted already, and nothing is done
 */
export const disableEndpoint = async (
  { trx, emit }: Tools<'webhooks'>,
  ctx: Pick<DataContext<'webhooks'>, 'clock' | 'ids'>,
  { endpointId, reason, lastError }: Disabling,
): Promise<boolean> => {
  const at = ctx.clock.now();
  const endpoint = await markDisabled(trx, endpointId, reason, at);
  if (!endpoint) return false;
  await holdDeliveries(trx, endpoint.id, { now: at, rowsMax: HELD_AT_ONCE_MAX });
  const { owner, environment } = endpoint;
  const data = {
    endpoint_id: endpoint.id,
    reason,
    last_error: lastError,
    disabled_at: at.toISOString(),
  };
  emit(webhookEvents.endpointDisabled, {
    ...data,
    owner,
    environment,
    owner_user_id: endpoint.createdBy,
    url: endpoint.url,
  });
  tellOwner(emit, ctx, {
    owner,
    environment,
    eventType: 'webhooks.endpoint.disabled',
    data,
    exceptEndpointId: endpoint.id,
  });
  return true;
};
