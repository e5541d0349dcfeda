import { type ReplayAnswer, webhookAdminRoutes } from '@switchboard/contracts';
import type { Client } from '../../../api/client.ts';
import type { Io, Options } from '../../../command.ts';
import { renderFields } from '../../../table.ts';
import { waitForOutcome } from '../wait.ts';

/** The replay when it is over, or as it was seen last. */
export const waitForReplay = async (
  begun: ReplayAnswer,
  { client, io, options }: { readonly client: Client; readonly io: Io; readonly options: Options },
): Promise<ReplayAnswer> => {
  let seen = begun;
  const read = async () => {
    seen = await client.call(webhookAdminRoutes.getReplay, { params: { replay_id: begun.id } });
    return seen.status === 'running' ? undefined : seen;
  };
  if (begun.status === 'running') await waitForOutcome(read, { io, options });
  return seen;
};

export const renderOutcome = (replay: ReplayAnswer): string =>
  [
    renderFields([
      ['replay id', replay.id],
      ['status', replay.status],
      ['total', String(replay.total)],
      ['successful', String(replay.successful)],
      ['failed', String(replay.failed)],
      ...(replay.skipped > 0 ? [['skipped', String(replay.skipped)] as const] : []),
    ]),
    ...(replay.status === 'cancelled'
      ? ['', 'It ended early: it was cancelled, or its endpoint was disabled or deleted meanwhile.']
      : []),
    ...(replay.status === 'running'
      ? [
          '',
          `${replay.scheduled} are in line so far. It goes on by itself; see: switchboard webhooks replays show ${replay.id}`,
        ]
      : []),
  ].join('\n');
