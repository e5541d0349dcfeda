import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { readSince, SINCE_HELP } from '../../options.ts';
import { renderFields, renderMinute } from '../../table.ts';

export const showPartnerKeyUsage = apiCommand({
  name: 'partner-keys usage',
  summary: 'Show how much a key of a partner was used',
  usage: '<key id> [options]',
  help: [`${SINCE_HELP}; default 30d`],
  options: { since: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const usage = await client.call(partnerAdminRoutes.getKeyUsage, {
      params: { key_id: readId(words[0], 'key id') },
      query: { from: readSince(options, io) },
    });
    return {
      json: usage,
      text: renderFields([
        ['from', renderMinute(usage.from, '')],
        ['to', renderMinute(usage.to, '')],
        ['requests', String(usage.total_requests)],
        ['successful', String(usage.successful_requests)],
        ['failed', String(usage.failed_requests)],
        ['average ms', String(usage.average_response_time_ms ?? '–')],
        ['jobs', String(usage.total_jobs)],
        ['completed', String(usage.completed_jobs)],
        ['failed jobs', String(usage.failed_jobs)],
        ['pending', String(usage.pending_jobs)],
      ]),
    };
  },
});
