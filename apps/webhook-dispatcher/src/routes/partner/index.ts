import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getPartnerDeliveries } from './list-deliveries.ts';
import { postPartnerRetry } from './retry-delivery.ts';

/** What a partner sees of its own callbacks. */
export const partnerRoutes = (app: FastifyInstance, deps: Deps): void => {
  getPartnerDeliveries(app, deps);
  postPartnerRetry(app, deps);
};
