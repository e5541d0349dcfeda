import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { sendTestMessage } from '../../domain/endpoints/send-test-message.ts';

export const postTest = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.testEndpoint, async (ctx) => {
    const { replayed, body } = await sendTestMessage(deps, ctx, ctx.params.endpoint_id);
    return { status: 202, headers: replayHeaders(replayed), body };
  });
