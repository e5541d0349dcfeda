import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { callDetail } from '../../domain/calls/call-answer.ts';

export const getCall = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callRoutes.getCall, async ({ principal, params }) => ({
    status: 200,
    body: await callDetail(data, principal, params.callId),
  }));
