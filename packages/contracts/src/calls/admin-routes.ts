import { defineRoute, type RouteContract } from '../route.ts';
import { callDetailAnswer, callParams, importCallsAnswer, importCallsBody } from './schemas.ts';

/** `/api/admin/v1/calls*`. */
export const callAdminRoutes = {
  getCall: defineRoute({
    id: 'admin.calls.get',
    service: 'call-service',
    surface: 'platform',
    credentials: ['user'],
    // Those who see tickets: where a ticket's call_id leads.
    roles: ['agent', 'admin', 'super_admin'],
    limitGroup: 'admin',
    source: 'Switchboard',
    summary: 'A call of any account, as its account sees it',
    description: 'What call_id of a ticket names.',
    method: 'GET',
    path: '/api/admin/v1/calls/:callId',
    params: callParams,
    responses: { 200: { description: 'The call', schema: callDetailAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'CALL_NOT_FOUND'],
  }),
  importCalls: defineRoute({
    id: 'admin.calls.import',
    service: 'call-service',
    surface: 'platform',
    credentials: ['user'],
    roles: ['admin', 'super_admin'],
    limitGroup: 'admin',
    source: 'Switchboard',
    summary: 'Take in the call log of an earlier deployment',
    description:
      'At most 500 calls a request. A call that is there already is skipped, so that an import can be sent again; what is wrong with a single one is told, and the others are taken.',
    method: 'POST',
    path: '/api/admin/v1/calls/import',
    bodyBytesMax: 8 * 1024 * 1024,
    body: importCallsBody,
    responses: { 200: { description: 'What became of them', schema: importCallsAnswer } },
    errors: ['INSUFFICIENT_ROLE', 'INVALID_INPUT'],
  }),
} satisfies Record<string, RouteContract>;
