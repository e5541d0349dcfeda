import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';

export const receiverRoutes = (_app: FastifyInstance, _deps: Deps): void => undefined;
