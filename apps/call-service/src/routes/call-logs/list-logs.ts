import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { accountOf } from '../../domain/calls/accounts.ts';
import { listLogs } from '../../domain/logs/list-logs.ts';

export const getCallLogs = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callRoutes.listLogs, async ({ principal, query }) => ({
    status: 200,
    body: { success: true, data: await listLogs(data, accountOf(principal), query) },
  }));
