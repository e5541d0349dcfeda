import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { deliveryRoutes } from './deliveries/index.ts';
import { endpointRoutes } from './endpoints/index.ts';
import { partnerRoutes } from './partner/index.ts';
import { receiverRoutes } from './receivers/index.ts';
import { replayRoutes } from './replays/index.ts';
import { signatureRoutes } from './signatures/index.ts';
import { tokenRoutes } from './tokens/index.ts';

/** Every route of the dispatcher: administration, what partners and tokens see of their own, and what receivers ask. */
export const dispatcherRoutes = (app: FastifyInstance, deps: Deps): void => {
  endpointRoutes(app, deps);
  deliveryRoutes(app, deps);
  replayRoutes(app, deps);
  signatureRoutes(app, deps);
  partnerRoutes(app, deps);
  receiverRoutes(app, deps);
  tokenRoutes(app, deps);
};
