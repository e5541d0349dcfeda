import { type Command, readWholeNumber, refuseMoreWords, textOption } from '../../command.ts';
import { withBus } from '../../connections.ts';
import { renderJson, renderTable } from '../../table.ts';

export const listDead: Command = {
  name: 'dead list',
  summary: 'Show the messages that a consumer could not handle',
  usage: '[options]',
  help: [
    '--limit <n>    default 100, oldest first',
    '--after <n>    only those with a higher number',
    '--json         the answer as JSON, with the messages themselves',
  ],
  options: { limit: { type: 'string' }, after: { type: 'string' }, json: { type: 'boolean' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 0);
    const limit = readWholeNumber(textOption(options, 'limit') ?? '100', '--limit', 1);
    const afterSequence = readWholeNumber(textOption(options, 'after') ?? '0', '--after', 0);
    const messages = await withBus(io.environment, (bus) => bus.listDead({ limit, afterSequence }));
    if (options.json) return io.print(renderJson(messages));
    if (messages.length === 0) return io.print('No dead messages.');
    io.print(
      renderTable(
        ['NUMBER', 'SINCE', 'CONSUMER', 'SUBJECT', 'TRIES', 'ERROR'],
        messages.map((message) => [
          String(message.sequence),
          message.deadAt.toISOString().slice(0, 19).replace('T', ' '),
          message.consumer,
          message.subject,
          String(message.deliveries),
          message.error,
        ]),
      ),
    );
  },
};
