import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { accountOf } from '../../domain/calls/accounts.ts';
import { callLogOf } from '../../domain/calls/call-answer.ts';
import { findCall } from '../../domain/calls/call-repository.ts';
import { readActions } from '../../domain/calls/frame-repository.ts';

export const getCallLog = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callRoutes.getLog, async ({ principal, params }) => {
    const call = await findCall(data.db, accountOf(principal), params.callId);
    const actions = await readActions(data.db, [call.id]);
    return { status: 200, body: { success: true, data: callLogOf(call, actions.get(call.id) ?? []) } };
  });
