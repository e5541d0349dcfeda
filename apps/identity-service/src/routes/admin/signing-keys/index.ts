import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { getSigningKeys } from './list-signing-keys.ts';
import { postSigningKeyRotation } from './rotate-signing-key.ts';

export const signingKeyRoutes = (app: FastifyInstance, deps: Deps): void => {
  getSigningKeys(app, deps);
  postSigningKeyRotation(app, deps);
};
