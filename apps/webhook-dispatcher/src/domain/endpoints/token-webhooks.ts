import {
  AppError,
  type BodyOf,
  type IntegrationTokenPrincipal,
  TOKEN_WEBHOOKS_MAX,
  ticketChangeTypes,
  webhookOwnerOf,
  webhookRoutes,
} from '@switchboard/contracts';
import { type IdempotentAnswer, type Tools, transact } from '@switchboard/db';
import { hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { cancelDeliveries } from '../deliveries/cancel-deliveries.ts';
import { disableEndpoint } from './disable-endpoint.ts';
import {
  type EndpointDetails,
  type EndpointRecord,
  enabledEndpointsOf,
  findEndpoint,
  listEndpoints,
  lockEndpoint,
  lockOwner,
  markDeleted,
} from './endpoint-repository.ts';
import { makeEndpoint } from './make-endpoint.ts';

const route = webhookRoutes.createTokenWebhook;
const answerSchema = route.responses[201].schema;
type Answer = z.output<typeof answerSchema>;

/** Cancelled at once; a repeated task cancels the rest, and nobody sends it meanwhile. */
const CANCELLED_AT_ONCE_MAX = 1_000;
const CONCURRENCY = 20;

const ownerOf = (principal: IntegrationTokenPrincipal): string => webhookOwnerOf(principal) ?? '';

/** An endpoint in the words of the tickets surface. */
export const tokenWebhookView = (endpoint: EndpointDetails) => ({
  id: endpoint.id,
  url: endpoint.url,
  events: [...endpoint.eventTypes],
  status: endpoint.status,
  disabled_reason: endpoint.disabledReason,
  last_sequence: endpoint.lastSequence,
  created_at: endpoint.createdAt.toISOString(),
});

/** Where the changes of a token's tickets are sent, newest first. */
export const listTokenWebhooks = async (
  { data }: Pick<Deps, 'data'>,
  principal: IntegrationTokenPrincipal,
): Promise<readonly EndpointDetails[]> =>
  await listEndpoints(
    data.db,
    { owner: ownerOf(principal), environment: null, status: null },
    // Administrators may have made more for it.
    { limit: 100, after: null, now: data.clock.now() },
  );

/**
 * Registers an address for a token. The secret is in this answer alone, and in that to a repeated idempotency key.
 *
 * @throws INVALID_INPUT for an address that must not be called, TOO_MANY, DUPLICATE_REQUEST
 */
export const createTokenWebhook = (
  deps: Pick<Deps, 'data' | 'box' | 'answerBox' | 'settings'>,
  principal: IntegrationTokenPrincipal,
  { url, events }: BodyOf<typeof route>,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<Answer>> => {
  const owner = ownerOf(principal);
  return transact(deps.data, ({ trx }) =>
    runSealedOnce(
      {
        trx,
        box: deps.answerBox,
        scope: `${owner}:${route.id}`,
        key: idempotencyKey,
        // Null is as good as left out.
        requestHash: hashRequest({ url, events: events ?? undefined }),
        clock: deps.data.clock,
      },
      201,
      async () => {
        const registered = await lockOwner(trx, owner);
        if (registered >= TOKEN_WEBHOOKS_MAX) {
          throw new AppError('TOO_MANY', {
            message: `A token has at most ${TOKEN_WEBHOOKS_MAX} webhooks: delete one first`,
          });
        }
        const input = {
          owner,
          environment: 'production',
          url,
          description: null,
          event_types: events ?? ticketChangeTypes,
          headers: {},
          schedule_seconds: null,
          rate_per_second: null,
          concurrency: CONCURRENCY,
        } as const;
        const { endpoint, secret } = await makeEndpoint(trx, deps, input, null);
        return { webhook: { ...tokenWebhookView(endpoint), secret } };
      },
      answerSchema,
    ),
  );
};

/** An endpoint of a token. Throws ENDPOINT_NOT_FOUND, for one of others too: nobody learns which there are. */
export const requireTokenWebhook = async (
  { data }: Pick<Deps, 'data'>,
  principal: IntegrationTokenPrincipal,
  endpointId: string,
): Promise<EndpointRecord> => {
  const endpoint = await findEndpoint(data.db, endpointId);
  if (endpoint?.owner !== ownerOf(principal)) throw new AppError('ENDPOINT_NOT_FOUND');
  return endpoint;
};

/** Deletes an endpoint of a token for good. Throws ENDPOINT_NOT_FOUND. */
export const deleteTokenWebhook = (
  { data }: Pick<Deps, 'data'>,
  principal: IntegrationTokenPrincipal,
  endpointId: string,
): Promise<void> =>
  transact(data, async ({ trx }) => {
    const now = data.clock.now();
    const endpoint = await lockEndpoint(trx, endpointId);
    if (endpoint.owner !== ownerOf(principal)) throw new AppError('ENDPOINT_NOT_FOUND');
    await markDeleted(trx, endpoint.id, now);
    await cancelDeliveries(trx, endpoint.id, { now, rowsMax: CANCELLED_AT_ONCE_MAX });
  });

/** A token that was ended is told nothing any more: its endpoints are disabled, and what they would get is kept. */
export const disableWebhooksOfToken = async (
  data: Deps['data'],
  tools: Tools<'webhooks'>,
  tokenId: string,
): Promise<number> => {
  const owner = `integration_token:${tokenId}`;
  // One that is being registered right now is seen too.
  await lockOwner(tools.trx, owner);
  const ids = await enabledEndpointsOf(tools.trx, owner);
  for (const endpointId of ids) {
    await disableEndpoint(tools, data, { endpointId, reason: 'manual', lastError: null });
  }
  return ids.length;
};
