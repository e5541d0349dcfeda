import { callAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { importCalls } from '../../domain/imports/import-calls.ts';

export const postCallImport = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callAdminRoutes.importCalls, async (ctx) => ({
    status: 200,
    body: await importCalls(data, ctx, ctx.body),
  }));
