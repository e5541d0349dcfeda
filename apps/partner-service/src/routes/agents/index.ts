import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postAgent } from './create-agent.ts';
import { getAgents } from './list-agents.ts';

export const agentRoutes = (app: FastifyInstance, deps: Deps): void => {
  postAgent(app, deps);
  getAgents(app, deps);
};
