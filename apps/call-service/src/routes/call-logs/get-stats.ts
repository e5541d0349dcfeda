import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { accountOf } from '../../domain/calls/accounts.ts';
import { readStats } from '../../domain/logs/read-stats.ts';

export const getCallStats = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callRoutes.getStats, async ({ principal, query }) => ({
    status: 200,
    body: { success: true, data: await readStats(data, accountOf(principal), query) },
  }));
