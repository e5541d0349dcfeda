import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { postApiKey } from './create-api-key.ts';
import { getApiKey } from './get-api-key.ts';
import { getApiKeyUsage } from './get-api-key-usage.ts';
import { getApiKeys } from './list-api-keys.ts';
import { postApiKeyRevocation } from './revoke-api-key.ts';
import { postApiKeyRotation } from './rotate-api-key.ts';
import { patchApiKey } from './update-api-key.ts';

export const apiKeyRoutes = (app: FastifyInstance, deps: Deps): void => {
  postApiKey(app, deps);
  getApiKeys(app, deps);
  getApiKey(app, deps);
  patchApiKey(app, deps);
  postApiKeyRotation(app, deps);
  postApiKeyRevocation(app, deps);
  getApiKeyUsage(app, deps);
};
