import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { endCall } from '../../domain/calls/end-call.ts';

export const postCallEnd = (app: FastifyInstance, deps: Deps): void =>
  implement(app, callRoutes.endCall, async ({ principal, params }) => ({
    status: 200,
    body: await endCall(deps, principal, params.callId),
  }));
