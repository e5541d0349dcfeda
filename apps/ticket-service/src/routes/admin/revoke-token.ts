import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { revokeToken } from '../../domain/tokens/end-token.ts';

export const postTokenRevoke = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.revokeToken, async (ctx) => ({
    status: 200,
    body: await revokeToken(data, ctx, ctx.params.token_id),
  }));
