import { AppError, webhookOwnerOf, webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { requireEndpoint } from '../../domain/endpoints/endpoint-repository.ts';
import { readFeed } from '../../domain/messages/read-feed.ts';

export const getOwnMessages = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookRoutes.listMessages, async ({ params, query, principal }) => {
    const { id, owner, environment } = await requireEndpoint(data.db, params.endpoint_id);
    const isOwn =
      owner === webhookOwnerOf(principal) &&
      (principal.kind !== 'partner_key' || environment === principal.environment);
    // The same as for one that is not there: nobody learns which endpoints others have.
    if (!isOwn) throw new AppError('ENDPOINT_NOT_FOUND');
    return { status: 200, body: await readFeed(data.db, id, query) };
  });
