import { callAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { callDetailForStaff } from '../../domain/calls/call-answer.ts';

export const getAnyCall = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callAdminRoutes.getCall, async ({ params }) => ({
    status: 200,
    body: await callDetailForStaff(data, params.callId),
  }));
