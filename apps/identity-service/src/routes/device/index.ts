import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { confirmDevice } from './confirm-device.ts';
import { createDeviceCode } from './create-code.ts';
import { createDeviceToken } from './create-token.ts';
import { decideDevice } from './decide-device.ts';
import { deviceDone } from './device-done.ts';
import { enterUserCode } from './enter-code.ts';
import { getPage } from './get-page.ts';
import { getStudioUser } from './get-user.ts';
import { signInOnPage } from './sign-in.ts';
import { signOutOnPage } from './sign-out.ts';

export const deviceRoutes = (app: FastifyInstance, deps: Deps): void => {
  createDeviceCode(app, deps);
  createDeviceToken(app, deps);
  getStudioUser(app, deps);
  getPage(app, deps);
  signInOnPage(app, deps);
  signOutOnPage(app, deps);
  enterUserCode(app, deps);
  confirmDevice(app, deps);
  decideDevice(app, deps);
  deviceDone(app);
};
