import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postToken } from './create-token.ts';
import { deleteToken } from './delete-token.ts';
import { postTokenDisable } from './disable-token.ts';
import { postTokenEnable } from './enable-token.ts';
import { getToken } from './get-token.ts';
import { getTokenUsageSummary } from './get-usage-summary.ts';
import { getTokens } from './list-tokens.ts';
import { getTokenUsage } from './list-usage.ts';
import { postTokenRegenerate } from './regenerate-token.ts';
import { postTokenRevoke } from './revoke-token.ts';
import { patchToken } from './update-token.ts';

export const adminRoutes = (app: FastifyInstance, deps: Deps): void => {
  getTokens(app, deps);
  postToken(app, deps);
  getToken(app, deps);
  patchToken(app, deps);
  deleteToken(app, deps);
  postTokenRegenerate(app, deps);
  postTokenDisable(app, deps);
  postTokenEnable(app, deps);
  postTokenRevoke(app, deps);
  getTokenUsage(app, deps);
  getTokenUsageSummary(app, deps);
};
