import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { apiKeyAnswer } from '../../../domain/api-keys/api-key-answer.ts';
import { updateApiKey } from '../../../domain/api-keys/update-api-key.ts';

export const patchApiKey = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.updateApiKey, async (ctx) => {
    const key = await updateApiKey(data, ctx, ctx.params.id, ctx.body);
    return { status: 200, body: apiKeyAnswer(key) };
  });
