import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { reportLeaks } from '../../../domain/leaks/report-leaks.ts';

export const postLeaks = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.reportLeaks, async ({ principal, body }) => ({
    status: 200,
    body: await reportLeaks(data, principal.provider, body),
  }));
