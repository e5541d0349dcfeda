import { ticketAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { tokenAnswer } from '../../domain/tokens/token-answer.ts';

export const getTokenUsageSummary = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.getTokenUsageSummary, async ({ params }) => ({
    status: 200,
    body: (await tokenAnswer(data, data.db, params.token_id)).stats,
  }));
