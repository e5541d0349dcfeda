import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { deleteToken as endAndHide } from '../../domain/tokens/end-token.ts';

export const deleteToken = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.deleteToken, async (ctx) => {
    await endAndHide(data, ctx, ctx.params.token_id);
    return { status: 204 };
  });
