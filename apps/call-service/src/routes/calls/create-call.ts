import { callRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createCall } from '../../domain/calls/create-call.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postCall = (app: FastifyInstance, deps: Deps): void =>
  implement(app, callRoutes.createCall, async ({ principal, body: input, idempotencyKey }) => {
    const { body, replayed } = await createCall(deps, principal, input, idempotencyKey);
    return { status: 201, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
