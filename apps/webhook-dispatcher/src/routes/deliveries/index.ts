import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getDelivery } from './get-delivery.ts';
import { getAttempts } from './list-attempts.ts';
import { getDeliveries } from './list-deliveries.ts';
import { postDeliveryReplay } from './replay-delivery.ts';

export const deliveryRoutes = (app: FastifyInstance, deps: Deps): void => {
  getDeliveries(app, deps);
  getDelivery(app, deps);
  getAttempts(app, deps);
  postDeliveryReplay(app, deps);
};
