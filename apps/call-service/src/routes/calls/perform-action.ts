import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { performAction } from '../../domain/calls/perform-action.ts';

export const postCallAction = (app: FastifyInstance, deps: Deps): void =>
  implement(app, callRoutes.performAction, async ({ principal, params, body }) => ({
    status: 200,
    body: await performAction(deps, principal, params.callId, body),
  }));
