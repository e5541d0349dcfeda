import { type BodyOf, webhookAdminRoutes, webhookEvents } from '@switchboard/contracts';
import { type IdempotentAnswer, transact } from '@switchboard/db';
import { type AdminContext, adminActOf, hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { EndpointMaker } from './create-endpoint.ts';
import { endpointAct } from './endpoint-act.ts';
import { toEndpointAnswer } from './endpoint-answer.ts';
import { lockEndpoint, requireEndpointDetails } from './endpoint-repository.ts';
import { addSecret, endCurrentSecret } from './endpoint-secrets.ts';

const route = webhookAdminRoutes.rotateSecret;
const answerSchema = route.responses[200].schema;

/**
 * Gives an endpoint a new secret; the old one signs beside it until the overlap ends. A repeated idempotency key gives the
 * first one's answer: a caller who never got it must not rotate twice. Two rotations at once come one after the other.
 *
 * @throws ENDPOINT_NOT_FOUND, DUPLICATE_REQUEST
 */
export const rotateSecret = (
  { data, box, answerBox }: EndpointMaker,
  ctx: AdminContext,
  endpointId: string,
  input: BodyOf<typeof route>,
  idempotencyKey: string | undefined,
): Promise<IdempotentAnswer<z.output<typeof answerSchema>>> =>
  transact(data, ({ trx, emit }) =>
    runSealedOnce(
      {
        trx,
        box: answerBox,
        scope: `user:${ctx.principal.user_id}:${route.id}`,
        key: idempotencyKey,
        requestHash: hashRequest({ ...input, endpoint_id: endpointId.toLowerCase() }),
        clock: data.clock,
      },
      200,
      async () => {
        const { id } = await lockEndpoint(trx, endpointId);
        const at = data.clock.now();
        const until = new Date(at.getTime() + input.overlap_seconds * 1000);
        await endCurrentSecret(trx, id, { at, until });
        const secret = await addSecret(trx, { box, ids: data.ids }, id, at);
        const endpoint = await requireEndpointDetails(trx, id, at);
        const after = { old_secret_expires_at: until.toISOString(), secrets: endpoint.secrets.length };
        emit(
          webhookEvents.adminActed,
          adminActOf(ctx, endpointAct('rotate', endpoint, { before: null, after })),
        );
        return { ...toEndpointAnswer(endpoint), secret };
      },
      answerSchema,
    ),
  );
