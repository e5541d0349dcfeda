import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { updateToken } from '../../domain/tokens/update-token.ts';

export const patchToken = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.updateToken, async (ctx) => ({
    status: 200,
    body: await updateToken(data, ctx, ctx.params.token_id, ctx.body),
  }));
