import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';

export const listPartnerKeyWebhooks = apiCommand({
  name: 'partner-keys webhooks',
  summary: 'Show the latest attempts of callbacks of a key of a partner',
  usage: '<key id> [options]',
  help: [
    '--failed     only those that failed',
    '--job <id>   only those of this job',
    '--limit <n>  default 100',
  ],
  options: { failed: { type: 'boolean' }, job: { type: 'string' }, limit: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const params = { key_id: readId(words[0], 'key id') };
    const job = textOption(options, 'job');
    const query = {
      success: options.failed ? ('false' as const) : undefined,
      job_id: job === undefined ? undefined : readId(job, 'job id'),
    };
    const webhooks = await readPages(readLimit(options), async (page) => {
      const found = await client.call(partnerAdminRoutes.listKeyWebhooks, {
        params,
        query: { ...query, ...page },
      });
      return { rows: found.webhooks, next_cursor: found.next_cursor };
    });
    if (webhooks.length === 0) return { json: webhooks, text: 'No callbacks.' };
    return {
      json: webhooks,
      text: renderTable(
        ['AT', 'DELIVERY ID', 'JOB ID', 'ATTEMPT', 'ANSWER', 'MS', 'NEXT', 'URL'],
        webhooks.map((webhook) => [
          webhook.created_at,
          webhook.delivery_id,
          webhook.job_id,
          String(webhook.attempt_number),
          webhook.error_message ?? `HTTP ${webhook.http_status}`,
          String(webhook.duration_ms),
          renderMinute(webhook.next_attempt_at, '–'),
          webhook.webhook_url,
        ]),
      ),
    };
  },
});
