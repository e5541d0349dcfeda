import { callAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { renderFields, renderMinute } from '../../table.ts';

export const showCall = apiCommand({
  name: 'calls show',
  summary: 'Show one call of whatever account, with the tickets that were opened about it',
  usage: '<call id> [options]',
  help: ['With --json what was done in it, and its metadata, too.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { callId: readId(words[0], 'call id') };
    const { data: call } = await client.call(callAdminRoutes.getCall, { params });
    return {
      json: call,
      text: renderFields([
        ['call id', call.callId],
        ['customer', call.customerName],
        ['number', call.ani],
        ['type', call.callType],
        ['status', call.reason === null ? call.status : `${call.status}: ${call.reason}`],
        ['started', renderMinute(call.startTime, '')],
        ['connected', renderMinute(call.connectedTime, 'never')],
        ['ended', renderMinute(call.endTime, 'not yet')],
        ['seconds', String(call.duration ?? '–')],
        ...call.supportTickets.map(
          ({ ticketId, openedAt, status }) =>
            ['ticket', `${ticketId} (${status}), opened ${renderMinute(openedAt, '')}`] as const,
        ),
      ]),
    };
  },
});
