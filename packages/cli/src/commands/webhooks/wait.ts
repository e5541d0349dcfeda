import type { Io, Options } from '../../command.ts';
import { textOption, UsageError } from '../../command.ts';
import { readDuration } from '../../options.ts';

/** Of commands that set something going and show what became of it. */
export const waitOptions = { wait: { type: 'string' }, 'no-wait': { type: 'boolean' } } as const;

export const waitHelp = [
  '--wait 30s|10m         how long to wait for the outcome; default 1m',
  '--no-wait              do not wait',
] as const;

const DEFAULT_SECONDS = 60;
const FIRST_PAUSE_MS = 300;
/** Seldom enough that whoever waits for long does not use up their requests. */
const PAUSE_MS_MAX = 3_000;

const readWaitSeconds = (options: Options): number => {
  if (options['no-wait']) return 0;
  const text = textOption(options, 'wait');
  const seconds = text === undefined ? DEFAULT_SECONDS : readDuration(text);
  if (seconds === undefined) throw new UsageError('--wait must be like 30s or 10m.');
  return seconds;
};

/**
 * Asks again, with growing pauses, until there is an outcome or nobody wants to wait any longer.
 *
 * @param read gives undefined as long as there is no outcome
 */
export const waitForOutcome = async <Outcome>(
  read: () => Promise<Outcome | undefined>,
  { io, options }: { readonly io: Io; readonly options: Options },
): Promise<Outcome | undefined> => {
  const until = io.now().getTime() + readWaitSeconds(options) * 1000;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, PAUSE_MS_MAX)) {
    if (io.now().getTime() + pauseMs > until) return undefined;
    await io.pause(pauseMs);
    const outcome = await read();
    if (outcome !== undefined) return outcome;
  }
};

/** Says what is written wrongly before anything is set going. */
export const checkWait = (options: Options): void => void readWaitSeconds(options);
