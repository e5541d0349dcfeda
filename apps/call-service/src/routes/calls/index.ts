import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';

export const callRoutes = (_app: FastifyInstance, _deps: Deps): void => {};
