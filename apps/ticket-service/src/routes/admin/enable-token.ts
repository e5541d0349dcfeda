import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { enableToken } from '../../domain/tokens/end-token.ts';

export const postTokenEnable = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.enableToken, async (ctx) => ({
    status: 200,
    body: await enableToken(data, ctx, ctx.params.token_id),
  }));
