import { identityAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { apiKeyAnswer } from '../../../domain/api-keys/api-key-answer.ts';
import { listApiKeys } from '../../../domain/api-keys/api-key-repository.ts';

export const getApiKeys = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.listApiKeys, async ({ query }) => {
    const { limit, search, active } = query;
    const after = decodeCursor(query.cursor);
    const page = toPage(
      await listApiKeys(data.db, { search, active }, { limit, after }),
      limit,
      (key) => key,
    );
    return { status: 200, body: { api_keys: page.rows.map(apiKeyAnswer), next_cursor: page.nextCursor } };
  });
