import { AppError, identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { apiKeyAnswer } from '../../../domain/api-keys/api-key-answer.ts';
import { findApiKey } from '../../../domain/api-keys/api-key-repository.ts';

export const getApiKeyUsage = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.getApiKeyUsage, async ({ params }) => {
    const key = await findApiKey(data.db, params.id);
    if (!key) throw new AppError('KEY_NOT_FOUND');
    // The contract's schema leaves of it what is about use.
    return { status: 200, body: apiKeyAnswer(key) };
  });
