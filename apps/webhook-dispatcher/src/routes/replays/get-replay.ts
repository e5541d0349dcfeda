import { AppError, webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { replayAnswer } from '../../domain/replays/replay-answer.ts';
import { findReplay } from '../../domain/replays/replay-repository.ts';

export const getReplay = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.getReplay, async ({ params }) => {
    const replay = await findReplay(data.db, params.replay_id);
    if (!replay) throw new AppError('REPLAY_NOT_FOUND');
    return { status: 200, body: replayAnswer(replay) };
  });
