import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';

export const cancelWebhookReplay = apiCommand({
  name: 'webhooks replays cancel',
  summary: 'Put no more deliveries of a replay in line',
  usage: '<replay id> [options]',
  help: ['What is in line already is still sent.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { replay_id: readId(words[0], 'replay id') };
    const replay = await client.call(webhookAdminRoutes.cancelReplay, { params });
    return {
      json: replay,
      text: `Replay ${replay.id} is cancelled, with ${replay.scheduled} of ${replay.total} put in line.`,
    };
  },
});
