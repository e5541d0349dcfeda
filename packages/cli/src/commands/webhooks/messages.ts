import { webhookAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { apiCommand } from '../../api-command.ts';
import { readId, readWholeNumber, refuseMoreWords, textOption } from '../../command.ts';
import { readLimit } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';

const PAGE = 100;

type Feed = CallAnswer<typeof webhookAdminRoutes.listMessages>;

export const listWebhookMessages = apiCommand({
  name: 'webhooks messages',
  summary: 'Show the messages of an endpoint in the order of webhook-sequence, without a gap',
  usage: '<endpoint id> [options]',
  help: [
    '--after <sequence>   only those after this one; default 0',
    '--limit <n>          default 100',
    'With --json what they say, too.',
  ],
  options: { after: { type: 'string' }, limit: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const params = { endpoint_id: readId(words[0], 'endpoint id') };
    const limit = readLimit(options);
    let after = readWholeNumber(textOption(options, 'after') ?? '0', '--after', 0);
    const messages: Feed['messages'] = [];
    for (;;) {
      const page: Feed = await client.call(webhookAdminRoutes.listMessages, {
        params,
        query: { after, limit: Math.min(PAGE, limit - messages.length) },
      });
      messages.push(...page.messages);
      after = page.next_after;
      if (page.has_more && messages.length < limit) continue;
      const json = {
        messages,
        next_after: after,
        has_more: page.has_more,
        last_sequence: page.last_sequence,
      };
      if (messages.length === 0)
        return { json, text: `No messages after ${after}; the newest is ${page.last_sequence}.` };
      return {
        json,
        text: [
          renderTable(
            ['SEQUENCE', 'ACCEPTED', 'STATUS', 'EVENT TYPE', 'WEBHOOK-ID', 'DELIVERY ID'],
            messages.map((message) => [
              String(message.sequence),
              renderMinute(message.created_at, ''),
              message.status,
              message.event_type,
              message.message_id,
              message.delivery_id,
            ]),
          ),
          ...(page.has_more ? [`There are more, up to ${page.last_sequence}: --after ${after}`] : []),
        ].join('\n'),
      };
    }
  },
});
