import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderFields, renderMinute, renderTable } from '../../../table.ts';
import { renderAnswer } from './wait-for-attempt.ts';

export const showWebhookDelivery = apiCommand({
  name: 'webhooks deliveries show',
  summary: 'Show one delivery: what it says, each attempt, and what was answered',
  usage: '<delivery id> [options]',
  help: ['With --json the headers of the answers too.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { delivery_id: readId(words[0], 'delivery id') };
    const delivery = await client.call(webhookAdminRoutes.getDelivery, { params });
    const { attempts, next_before } = await client.call(webhookAdminRoutes.listAttempts, {
      params,
      query: { limit: 100 },
    });
    const answered = delivery.last_attempt?.answer_body;
    return {
      json: { ...delivery, attempts },
      text: [
        renderFields([
          ['delivery id', delivery.id],
          ['webhook-id', delivery.message_id],
          ['event type', delivery.event_type],
          ['owner', delivery.owner],
          ['environment', delivery.environment],
          ['url', delivery.url],
          ['endpoint', delivery.endpoint_id ?? 'none: the address came with the request'],
          ...(delivery.sequence === null ? [] : [['sequence', String(delivery.sequence)] as const]),
          ['status', delivery.status],
          ['attempts', String(delivery.attempt_count)],
          ['next', renderMinute(delivery.next_attempt_at, 'none')],
          ['accepted', delivery.created_at],
          ...(delivery.finished_at === null ? [] : [['finished', delivery.finished_at] as const]),
        ]),
        ...(attempts.length === 0
          ? []
          : [
              '',
              renderTable(
                ['ATTEMPT', 'AT', 'OUTCOME', 'ANSWER', 'MS', 'REPLAY'],
                attempts.map((attempt) => [
                  String(attempt.attempt_number),
                  attempt.attempted_at,
                  attempt.outcome,
                  renderAnswer(attempt),
                  String(attempt.duration_ms ?? '–'),
                  attempt.replay_id ?? '',
                ]),
              ),
            ]),
        ...(next_before === null ? [] : [`… and ${next_before - 1} before these`]),
        ...(answered ? ['', '  the last answer', '', answered] : []),
        '',
        '  body',
        '',
        delivery.body ?? '(kept no longer)',
      ].join('\n'),
    };
  },
});
