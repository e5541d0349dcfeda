import { AppError, identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { apiKeyAnswer } from '../../../domain/api-keys/api-key-answer.ts';
import { findApiKey } from '../../../domain/api-keys/api-key-repository.ts';

export const getApiKey = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.getApiKey, async ({ params }) => {
    const key = await findApiKey(data.db, params.id);
    if (!key) throw new AppError('KEY_NOT_FOUND');
    return { status: 200, body: apiKeyAnswer(key) };
  });
