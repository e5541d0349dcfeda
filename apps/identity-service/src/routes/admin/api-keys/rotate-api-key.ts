import { identityAdminRoutes, rotateApiKeyAnswer } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { runAdminOnce } from '../../../domain/administration/run-admin-once.ts';
import { rotateApiKey } from '../../../domain/api-keys/rotate-api-key.ts';

const route = identityAdminRoutes.rotateApiKey;

export const postApiKeyRotation = (app: FastifyInstance, deps: Deps): void =>
  implement(app, route, async (ctx) => {
    const input = { id: ctx.params.id, overlapSeconds: ctx.body.overlap_seconds };
    const { body, replayed } = await runAdminOnce(
      deps,
      ctx,
      { route, request: input, status: 200, answer: rotateApiKeyAnswer },
      (tools) => rotateApiKey(deps.data, tools, ctx, input),
    );
    return { status: 200, headers: { 'cache-control': 'no-store', ...replayHeaders(replayed) }, body };
  });
