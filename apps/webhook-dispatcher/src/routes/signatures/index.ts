import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getSigningKeys } from './list-signing-keys.ts';
import { postSigningKeyRotation } from './rotate-signing-key.ts';
import { postVerification } from './verify-signature.ts';

/** `/api/admin/v1/webhooks/signing-keys*` and `…/verify`. */
export const signatureRoutes = (app: FastifyInstance, deps: Deps): void => {
  getSigningKeys(app, deps);
  postSigningKeyRotation(app, deps);
  postVerification(app, deps);
};
