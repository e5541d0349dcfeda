import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { apiKeyAnswer } from '../../../domain/api-keys/api-key-answer.ts';
import { revokeApiKey } from '../../../domain/api-keys/revoke-api-key.ts';

export const postApiKeyRevocation = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.revokeApiKey, async (ctx) => {
    const key = await revokeApiKey(data, ctx, ctx.params.id);
    return { status: 200, body: apiKeyAnswer(key) };
  });
