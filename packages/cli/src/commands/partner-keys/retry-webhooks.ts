import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { renderFields } from '../../table.ts';

export const retryPartnerKeyWebhooks = apiCommand({
  name: 'partner-keys retry-webhooks',
  summary: 'Send callbacks once more that nobody tries again by itself',
  usage: '<key id> | --delivery <id> [options]',
  help: [
    'Of a key, all that failed, and what became of them.',
    '--delivery <id>   this one alone; partner-keys webhooks has the ids',
  ],
  options: { delivery: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const delivery = textOption(options, 'delivery');
    if ((words[0] === undefined) === (delivery === undefined))
      throw new UsageError('Say which: a key id, or --delivery <id>.');
    if (delivery !== undefined) {
      const one = await client.call(partnerAdminRoutes.retryWebhook, {
        params: { delivery_id: readId(delivery, 'delivery id') },
      });
      const words = {
        scheduled: `Attempt ${one.attempt_number} is made now.`,
        waiting: `Attempt ${one.attempt_number} was to come anyway.`,
        succeeded: `It has arrived, with attempt ${one.attempt_number}: nothing is sent again.`,
      };
      return { json: one, text: words[one.status] };
    }
    const key = readId(words[0], 'key id');
    const all = await client.call(partnerAdminRoutes.retryFailedWebhooks, { params: { key_id: key } });
    return {
      json: all,
      text: [
        renderFields([
          ['total', String(all.total)],
          ['successful', String(all.successful)],
          ['failed', String(all.failed)],
          ['not known yet', String(all.pending)],
        ]),
        ...(all.has_more ? ['There are more: run it again.'] : []),
        ...(all.pending > 0 ? [`See: switchboard partner-keys webhooks ${key}`] : []),
      ].join('\n'),
    };
  },
});
