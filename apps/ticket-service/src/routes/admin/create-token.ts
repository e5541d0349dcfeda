import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createToken } from '../../domain/tokens/create-token.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postToken = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketAdminRoutes.createToken, async (ctx) => {
    const { body, replayed } = await createToken(deps, ctx, ctx.body, ctx.idempotencyKey);
    return { status: 201, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
