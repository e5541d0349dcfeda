import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { disableToken } from '../../domain/tokens/end-token.ts';

export const postTokenDisable = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.disableToken, async (ctx) => ({
    status: 200,
    body: await disableToken(data, ctx, ctx.params.token_id),
  }));
