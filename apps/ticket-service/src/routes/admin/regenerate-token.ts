import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { regenerateToken } from '../../domain/tokens/regenerate-token.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postTokenRegenerate = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketAdminRoutes.regenerateToken, async (ctx) => {
    const input = { tokenId: ctx.params.token_id, overlapSeconds: ctx.body?.overlap_seconds ?? 0 };
    const { body, replayed } = await regenerateToken(deps, ctx, input, ctx.idempotencyKey);
    return { status: 200, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
