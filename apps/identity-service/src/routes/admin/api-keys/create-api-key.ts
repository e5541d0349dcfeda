import { createApiKeyAnswer, identityAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { runAdminOnce } from '../../../domain/administration/run-admin-once.ts';
import { createApiKey } from '../../../domain/api-keys/create-api-key.ts';

const route = identityAdminRoutes.createApiKey;

export const postApiKey = (app: FastifyInstance, deps: Deps): void =>
  implement(app, route, async (ctx) => {
    const { body, replayed } = await runAdminOnce(
      deps,
      ctx,
      { route, request: ctx.body, status: 201, answer: createApiKeyAnswer },
      (tools) => createApiKey(deps.data, tools, ctx, ctx.body),
    );
    return { status: 201, headers: { 'cache-control': 'no-store', ...replayHeaders(replayed) }, body };
  });
