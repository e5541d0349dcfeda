import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toKeyAnswer } from '../../domain/keys/key-answer.ts';
import { requireKey } from '../../domain/keys/require-key.ts';

export const getKey = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.getKey, async ({ params }) => ({
    status: 200,
    body: toKeyAnswer(await requireKey(data.db, params.key_id), data.clock.now()),
  }));
