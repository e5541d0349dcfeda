import { type BodyOf, webhookAdminRoutes, webhookEvents } from '@switchboard/contracts';
import { type IdempotentAnswer, transact } from '@switchboard/db';
import { type AdminContext, adminActOf, hashRequest, runSealedOnce } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { auditedSettings, endpointAct } from './endpoint-act.ts';
import { toEndpointAnswer } from './endpoint-answer.ts';
import { makeEndpoint } from './make-endpoint.ts';

const route = webhookAdminRoutes.createEndpoint;
const answerSchema = route.responses[201].schema;

export type EndpointMaker = Pick<Deps, 'data' | 'box' | 'answerBox' | 'settings'>;

/**
 * Makes an endpoint and its first secret. A repeated idempotency key gives the first one's answer, secret and all.
 *
 * @throws INVALID_INPUT when the target rules forbid the address; DUPLICATE_REQUEST
 */
export const createEndpoint = (
  { data, box, answerBox, settings }: EndpointMaker,
  ctx: AdminContext,
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
        requestHash: hashRequest(input),
        clock: data.clock,
      },
      201,
      async () => {
        const { endpoint, secret } = await makeEndpoint(
          trx,
          { data, box, settings },
          input,
          ctx.principal.user_id,
        );
        const { owner, environment } = endpoint;
        const after = { owner, environment, ...auditedSettings(endpoint) };
        emit(
          webhookEvents.adminActed,
          adminActOf(ctx, endpointAct('create', endpoint, { before: null, after })),
        );
        return { ...toEndpointAnswer(endpoint), secret };
      },
      answerSchema,
    ),
  );
