import { type Command, OperatorError, readWholeNumber, refuseMoreWords, UsageError } from '../../command.ts';
import { withBus } from '../../connections.ts';

export const putBackDead: Command = {
  name: 'dead put-back',
  summary: 'Give dead messages to their consumer once more',
  usage: '<number> | --all',
  help: ['The number is that of `switchboard dead list`. Put back what was mended, or it dies again.'],
  options: { all: { type: 'boolean' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 1);
    const [word] = words;
    if ((word === undefined) === (options.all !== true)) {
      throw new UsageError('Say which: a number of `switchboard dead list`, or --all.');
    }
    const which = word === undefined ? 'all' : { sequence: readWholeNumber(word, 'The number', 1) };
    const count = await withBus(io.environment, (bus) => bus.putBackDead(which));
    if (count === 0 && which !== 'all')
      throw new OperatorError(`There is no dead message with the number ${word}.`);
    io.print(count === 1 ? 'One message was put back.' : `${count} messages were put back.`);
  },
};
