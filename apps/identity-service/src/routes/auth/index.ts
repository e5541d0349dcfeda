import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getVerify } from './follow-link.ts';
import { getHealth } from './get-health.ts';
import { getOpenidConfiguration } from './get-openid-configuration.ts';
import { getSettings } from './get-settings.ts';
import { getUser } from './get-user.ts';
import { postToken } from './grant-token.ts';
import { getKeys } from './list-keys.ts';
import { postLogout } from './log-out.ts';
import { postRecover } from './recover.ts';
import { postSignUp } from './sign-up.ts';
import { putUser } from './update-user.ts';
import { postVerify } from './verify.ts';

/** What supabase-js calls. */
export const authRoutes = (app: FastifyInstance, deps: Deps): void => {
  postSignUp(app, deps);
  postToken(app, deps);
  getUser(app, deps);
  putUser(app, deps);
  postLogout(app, deps);
  postRecover(app, deps);
  postVerify(app, deps);
  getVerify(app, deps);
  getSettings(app, deps);
  getHealth(app);
  getKeys(app, deps);
  getOpenidConfiguration(app, deps);
};
