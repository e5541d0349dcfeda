import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderFields, renderMinute } from '../../../table.ts';

const renderFilter = (filter: Readonly<Record<string, unknown>>): string =>
  Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') : value}`)
    .join('; ');

export const showWebhookReplay = apiCommand({
  name: 'webhooks replays show',
  summary: 'Show how far a replay is',
  usage: '<replay id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { replay_id: readId(words[0], 'replay id') };
    const replay = await client.call(webhookAdminRoutes.getReplay, { params });
    return {
      json: replay,
      text: renderFields([
        ['replay id', replay.id],
        ['kind', replay.kind],
        ['of', renderFilter(replay.filter)],
        ['status', replay.status],
        ['total', String(replay.total)],
        ['in line so far', String(replay.scheduled)],
        ['successful', String(replay.successful)],
        ['failed', String(replay.failed)],
        ['skipped', String(replay.skipped)],
        ['a second', String(replay.rate_per_second)],
        ['made by', replay.created_by ?? 'nobody known'],
        ['made', renderMinute(replay.created_at, '')],
        ['finished', renderMinute(replay.finished_at, 'not yet')],
      ]),
    };
  },
});
