import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toKeyAnswer } from '../../domain/keys/key-answer.ts';
import { revokeKey } from '../../domain/keys/revoke-key.ts';

export const postRevocation = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.revokeKey, async (ctx) => ({
    status: 200,
    body: toKeyAnswer(await revokeKey(data, ctx, ctx.params.key_id), data.clock.now()),
  }));
