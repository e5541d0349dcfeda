import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postReplayCancel } from './cancel-replay.ts';
import { postReplay } from './create-replay.ts';
import { getReplay } from './get-replay.ts';
import { getReplays } from './list-replays.ts';

export const replayRoutes = (app: FastifyInstance, deps: Deps): void => {
  postReplay(app, deps);
  getReplays(app, deps);
  getReplay(app, deps);
  postReplayCancel(app, deps);
};
