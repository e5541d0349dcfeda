import { z } from 'zod';
import { defineRoute, type RouteContract } from '../route.ts';
import * as schemas from './schemas.ts';

const GUIDE = 'Calls guide';
const OURS = 'Switchboard';
const CALLS = '/api/v1/calls';
const LOGS = '/api/v1/call-logs';

const calls = {
  service: 'call-service',
  surface: 'calls',
  credentials: ['api_key', 'user'],
  limitGroup: 'calls',
} as const;
const one = { ...calls, params: schemas.callParams } as const;

/** The calls surface (spec: calls). */
export const callRoutes = {
  createCall: defineRoute({
    ...calls,
    id: 'calls.calls.create',
    summary: 'Start a call',
    source: GUIDE,
    method: 'POST',
    path: CALLS,
    idempotent: true,
    body: schemas.createCallBody,
    responses: { 201: { description: 'It begins', schema: schemas.createCallAnswer } },
    errors: ['INVALID_INPUT', 'DUPLICATE_REQUEST', 'DATABASE_ERROR'],
  }),
  getCall: defineRoute({
    ...one,
    id: 'calls.calls.get',
    summary: 'A call, also after its end',
    source: OURS,
    method: 'GET',
    path: `${CALLS}/:callId`,
    responses: { 200: { description: 'The call', schema: schemas.callDetailAnswer } },
    errors: ['CALL_NOT_FOUND', 'DATABASE_ERROR'],
  }),
  endCall: defineRoute({
    ...one,
    id: 'calls.calls.end',
    summary: 'End a call; again: the same answer',
    source: GUIDE,
    method: 'POST',
    path: `${CALLS}/:callId/end`,
    responses: { 200: { description: 'It is over', schema: schemas.endCallAnswer } },
    errors: ['CALL_NOT_FOUND', 'DATABASE_ERROR'],
  }),
  performAction: defineRoute({
    ...one,
    id: 'calls.calls.act',
    summary: 'Mute, hold, press a key, transfer, hang up',
    source: OURS,
    method: 'POST',
    path: `${CALLS}/:callId/actions`,
    body: schemas.actionBody,
    responses: { 200: { description: 'It was done', schema: schemas.actionAnswer } },
    errors: ['INVALID_INPUT', 'CALL_NOT_FOUND', 'CALL_NOT_ACTIVE', 'DATABASE_ERROR'],
  }),
  createTicket: defineRoute({
    ...one,
    id: 'calls.calls.create_ticket',
    summary: 'Another address of the socket, for a browser or after ten minutes',
    source: OURS,
    method: 'POST',
    path: `${CALLS}/:callId/tickets`,
    responses: { 201: { description: 'The address', schema: schemas.createCallTicketAnswer } },
    errors: ['CALL_NOT_FOUND', 'DATABASE_ERROR'],
  }),
  openSupportTicket: defineRoute({
    ...one,
    id: 'calls.calls.open_support_ticket',
    summary: 'Open a support ticket about a call',
    description:
      'It is there a moment later, whatever fails meanwhile, and names the call; the call names it in supportTickets.',
    source: OURS,
    method: 'POST',
    path: `${CALLS}/:callId/support-tickets`,
    idempotent: true,
    body: schemas.openSupportTicketBody,
    responses: { 202: { description: 'It will be opened', schema: schemas.openSupportTicketAnswer } },
    errors: ['INVALID_INPUT', 'CALL_NOT_FOUND', 'DUPLICATE_REQUEST', 'TOO_MANY', 'DATABASE_ERROR'],
  }),
  listLogs: defineRoute({
    ...calls,
    id: 'calls.logs.list',
    summary: 'Call history, newest first',
    source: GUIDE,
    method: 'GET',
    path: LOGS,
    query: schemas.listCallLogsQuery,
    responses: { 200: { description: 'Calls of the account', schema: schemas.listCallLogsAnswer } },
    errors: ['INVALID_PARAMETER', 'DATABASE_ERROR'],
  }),
  getStats: defineRoute({
    ...calls,
    id: 'calls.logs.stats',
    summary: 'Figures of calls by status, type and hour',
    source: OURS,
    method: 'GET',
    path: `${LOGS}/stats`,
    query: schemas.callStatsQuery,
    responses: { 200: { description: 'The figures', schema: schemas.callStatsAnswer } },
    errors: ['INVALID_PARAMETER', 'DATABASE_ERROR'],
  }),
  getLog: defineRoute({
    ...one,
    id: 'calls.logs.get',
    summary: 'One call of the history',
    source: OURS,
    method: 'GET',
    path: `${LOGS}/:callId`,
    responses: { 200: { description: 'The call', schema: schemas.callLogAnswer } },
    errors: ['CALL_NOT_FOUND', 'DATABASE_ERROR'],
  }),
  follow: defineRoute({
    id: 'calls.calls.follow',
    service: 'call-service',
    surface: 'calls',
    summary: 'Follow a call live (WebSocket)',
    description:
      'For `new WebSocket(wsUrl)` as an answer gave it, or with the two headers of an API key. What already happened is sent first, then each frame as it happens: JSON with `type`, `callId`, `sequence`, `timestamp` and `data`. `?since=` goes on after a broken connection. A connection that is refused is accepted, told why in a `call.error` frame, and closed with 4400, 4401, 4404, 4429, 1012 or 1013. Frames, messages and close codes are in `docs/calls.md`, their schemas in `/asyncapi.json`.',
    source: GUIDE,
    upgrade: 'websocket',
    method: 'GET',
    path: '/api/v1/ws/calls/:callId',
    credentials: ['ticket', 'api_key', 'user'],
    acceptsQueryToken: true,
    limitGroup: 'realtime',
    params: schemas.callParams,
    query: z.object({
      /** The last sequence that was seen: what came after it is sent. */
      since: z.string().optional(),
    }),
    responses: { 101: { description: 'Switching protocols; refusals come as a close code' } },
    errors: ['UPGRADE_REQUIRED'],
  }),
} satisfies Record<string, RouteContract>;
