import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toKeyAnswer } from '../../domain/keys/key-answer.ts';
import { updateKey } from '../../domain/keys/update-key.ts';

export const patchKey = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.updateKey, async (ctx) => ({
    status: 200,
    body: toKeyAnswer(await updateKey(data, ctx, ctx.params.key_id, ctx.body), data.clock.now()),
  }));
