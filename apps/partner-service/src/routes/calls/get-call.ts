import { AppError, partnerRoutes } from '@switchboard/contracts';
import { implement, isUuid } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { visibilityOf } from '../../domain/access/company-access.ts';
import { findCall } from '../../domain/calls/call-repository.ts';
import { toCallAnswer } from './call-answer.ts';

export const getCall = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.getCall, async ({ principal, params }) => {
    const { call_id: callId } = params;
    const call = isUuid(callId) ? await findCall(data.db, visibilityOf(principal), callId) : null;
    if (!call) throw new AppError('CALL_NOT_FOUND');
    return { status: 200, headers: { 'cache-control': 'private' }, body: toCallAnswer(call) };
  });
