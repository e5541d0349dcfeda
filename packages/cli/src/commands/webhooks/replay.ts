import { webhookAdminRoutes } from '@switchboard/contracts';
import type { Client } from '../../api/client.ts';
import { apiCommand } from '../../api-command.ts';
import { type Io, type Options, readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { numberOption, readList, readSince } from '../../options.ts';
import { renderAttempt, waitForAttempt } from './deliveries/wait-for-attempt.ts';
import { renderOutcome, waitForReplay } from './replays/wait-for-replay.ts';
import { checkWait, waitHelp, waitOptions } from './wait.ts';

const STATUSES = ['exhausted', 'succeeded', 'held'] as const;

/** What says which deliveries are meant. */
const filters = {
  endpoint: { type: 'string' },
  owner: { type: 'string' },
  'event-type': { type: 'string' },
  status: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  'from-sequence': { type: 'string' },
  'to-sequence': { type: 'string' },
} as const;

const readStatuses = (options: Options) => {
  const text = textOption(options, 'status');
  if (text === undefined) return undefined;
  const words = readList(text);
  const known = words.flatMap((word) => STATUSES.find((status) => status === word) ?? []);
  if (known.length !== words.length || words.length === 0)
    throw new UsageError(`--status takes some of ${STATUSES.join(', ')}.`);
  return known;
};

const readFilter = (options: Options, io: Io) => {
  const endpoint = textOption(options, 'endpoint');
  return {
    endpoint_id: endpoint === undefined ? undefined : readId(endpoint, 'endpoint id'),
    owner: textOption(options, 'owner'),
    event_type: textOption(options, 'event-type'),
    statuses: readStatuses(options),
    from: readSince(options, io, 'from'),
    to: readSince(options, io, 'to'),
    from_sequence: numberOption(options, 'from-sequence'),
    to_sequence: numberOption(options, 'to-sequence'),
  };
};

interface Tools {
  readonly client: Client;
  readonly io: Io;
  readonly options: Options;
}

const replayOne = async (deliveryId: string, { client, io, options }: Tools) => {
  const given = [...Object.keys(filters), 'all-failed', 'dry-run', 'rate'].find(
    (name) => options[name] !== undefined,
  );
  if (given !== undefined) throw new UsageError(`--${given} is for many deliveries, not for one of them.`);
  const found = await client.call(webhookAdminRoutes.replayDelivery, { params: { delivery_id: deliveryId } });
  const attempt = await waitForAttempt(deliveryId, found.attempt_number, { client, io, options });
  return {
    json: { ...found, attempt },
    text: [
      ...(found.status === 'waiting' ? [`Attempt ${found.attempt_number} was to come anyway.`] : []),
      renderAttempt(attempt, deliveryId),
    ].join('\n'),
  };
};

const replayMany = async ({ client, io, options }: Tools) => {
  if (!options['all-failed'] && Object.keys(filters).every((name) => options[name] === undefined)) {
    throw new UsageError('Say which: a delivery id, --all-failed, or some of the options that choose.');
  }
  const begun = await client.call(webhookAdminRoutes.createReplay, {
    body: {
      ...readFilter(options, io),
      rate_per_second: numberOption(options, 'rate'),
      dry_run: options['dry-run'] === true,
    },
  });
  if ('dry_run' in begun) {
    const expired =
      begun.expired > 0 ? ` ${begun.expired} of them would be left out: their text is kept no longer.` : '';
    return { json: begun, text: `${begun.total} would be sent again.${expired}` };
  }
  const outcome = await waitForReplay(begun, { client, io, options });
  return { json: outcome, text: renderOutcome(outcome) };
};

export const replayWebhooks = apiCommand({
  name: 'webhooks replay',
  summary: 'Send deliveries again: one, some, or all that failed',
  usage: '<delivery id> | --all-failed | [options]',
  help: [
    'Receivers see the same webhook-id and the same bytes. Only what is exhausted is sent, unless --status says otherwise,',
    'and nothing to endpoints that are disabled: webhooks endpoints enable --send-missed is for them.',
    '--all-failed           all that are exhausted, which nobody tries again by itself; what follows chooses fewer',
    '--endpoint <id>        only to this endpoint',
    '--owner <kind:id>      only of this owner',
    '--event-type <type>    only of this event type',
    `--status <a,b>         of ${STATUSES.join(', ')}; default exhausted`,
    '--from, --to <time>    accepted from then on, and before then; 24h is a day ago',
    '--from-sequence <n>    of an endpoint, from this one on',
    '--to-sequence <n>      and up to this one',
    '--dry-run              count, and send nothing',
    '--rate <n>             how many a second; default 50',
    ...waitHelp,
  ],
  options: {
    ...filters,
    'all-failed': { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    rate: { type: 'string' },
    ...waitOptions,
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    checkWait(options);
    const tools = { client, io, options };
    return words[0] === undefined ? replayMany(tools) : replayOne(readId(words[0], 'delivery id'), tools);
  },
});
