import { type Io, type Options, textOption, UsageError } from '../../../command.ts';
import { numberOption, readDuration, readList } from '../../../options.ts';

/** What can be said of an endpoint when it is made, and changed later. */
export const endpointOptions = {
  'event-types': { type: 'string' },
  description: { type: 'string' },
  schedule: { type: 'string' },
  rate: { type: 'string' },
  concurrency: { type: 'string' },
  'headers-stdin': { type: 'boolean' },
} as const;

export const endpointHelp = [
  '--event-types <a,b>             such as ticket.created,ticket.* or "*"',
  '--description <words>           what it is for',
  '--schedule 0,5s,5m,2h|default   when it is attempted: after acceptance, then after each failed attempt',
  '--rate <n>|none                 most attempts a second',
  '--concurrency <n>               most attempts at a time',
  '--headers-stdin                 read headers that each attempt carries from standard input, one on each line',
] as const;

export const readEventTypes = (options: Options): string[] | undefined => {
  const text = textOption(options, 'event-types');
  return text === undefined ? undefined : readList(text);
};

const readSchedule = (options: Options): number[] | null | undefined => {
  const text = textOption(options, 'schedule');
  if (text === undefined) return undefined;
  if (text === 'default') return null;
  return readList(text).map((step) => {
    const seconds = /^\d+(\.\d+)?$/.test(step) ? Number(step) : readDuration(step);
    if (seconds === undefined)
      throw new UsageError('--schedule must be steps such as 0,5s,5m,2h, or default.');
    return seconds;
  });
};

const HEADER = /^([^:\s]+):\s*(.*?)\s*$/;

/** A header is often a secret of the receiver's, so it is never an argument. */
const readHeaders = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [, name, value] = HEADER.exec(line) ?? [];
        if (name === undefined || value === undefined)
          throw new UsageError('Each line must be a header: Name: value.');
        return [name, value] as const;
      }),
  );

export const readEndpointFields = async (options: Options, io: Io) => ({
  description: textOption(options, 'description'),
  schedule_seconds: readSchedule(options),
  rate_per_second: textOption(options, 'rate') === 'none' ? null : numberOption(options, 'rate'),
  concurrency: numberOption(options, 'concurrency'),
  headers: options['headers-stdin'] ? readHeaders(await io.readInput()) : undefined,
});
