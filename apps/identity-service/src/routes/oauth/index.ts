import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createProviders } from '../../domain/oauth/providers.ts';
import { getAuthorize } from './authorize.ts';
import { getCallback } from './callback.ts';
import { getPageSignIn } from './sign-in-on-page.ts';

export const oauthRoutes = (app: FastifyInstance, deps: Deps): void => {
  const { clock, log } = deps.data;
  const providers = createProviders(deps.config.providers, { clock, log });
  getAuthorize(app, deps, providers);
  getCallback(app, deps, providers);
  getPageSignIn(app, deps, providers);
};
