import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import manifest from '../../../package.json' with { type: 'json' };

const answer = {
  name: 'Switchboard',
  version: manifest.version,
  description: 'Users, sessions and tokens, as Supabase Auth has them',
};

export const getHealth = (app: FastifyInstance): void =>
  implement(app, authRoutes.health, () => ({ status: 200, body: answer }));
