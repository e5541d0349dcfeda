import { routes, ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import { endpointsOf } from '../../domain/endpoints.ts';

/** Whoever reads the answer has a token that is good: that is what the guide asks it for. */
export const getHealth = (app: FastifyInstance): void => {
  const endpoints = [...endpointsOf(routes)];
  for (const route of [ticketRoutes.health, ticketRoutes.healthWithSlash]) {
    implement(app, route, () => ({ status: 200, body: { status: 'ok', endpoints } }));
  }
};
