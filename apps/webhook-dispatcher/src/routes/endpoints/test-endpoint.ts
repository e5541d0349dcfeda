import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { sendTestMessage } from '../../domain/endpoints/send-test-message.ts';

export const postTest = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.testEndpoint, async (ctx) => {
    const { messageId, deliveryId } = await sendTestMessage(deps, ctx, ctx.params.endpoint_id);
    return { status: 202, body: { message_id: messageId, delivery_id: deliveryId } };
  });
