import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { postUser } from './create-user.ts';
import { postUserDisabling } from './disable-user.ts';
import { postUserEnabling } from './enable-user.ts';
import { getUser } from './get-user.ts';
import { getUsers } from './list-users.ts';
import { postUserSignOut } from './sign-out-user.ts';
import { patchUser } from './update-user.ts';

export const userRoutes = (app: FastifyInstance, deps: Deps): void => {
  postUser(app, deps);
  getUsers(app, deps);
  getUser(app, deps);
  patchUser(app, deps);
  postUserDisabling(app, deps);
  postUserEnabling(app, deps);
  postUserSignOut(app, deps);
};
