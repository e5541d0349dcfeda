import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getKeySet } from './get-key-set.ts';
import { getOwnMessages } from './list-messages.ts';

/** What receivers ask themselves. */
export const receiverRoutes = (app: FastifyInstance, deps: Deps): void => {
  getKeySet(app, deps);
  getOwnMessages(app, deps);
};
