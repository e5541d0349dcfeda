import { readRunningStack } from '@switchboard/stack';
import { type Io, OperatorError, type Options, textOption, UsageError } from '../command.ts';
import type { SessionStore } from './session-store.ts';

/** The gateway that a command works with. */
export interface Gateway {
  readonly url: string;
  /** It is the one that `npm start` runs in this checkout. */
  readonly isLocalStack: boolean;
}

const normalise = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`"${text}" is no address of a gateway: it must be like https://api.example.com.`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
};

/** --url, else SWITCHBOARD_URL, else the one that was signed in to. Undefined: nobody said. */
export const chosenGateway = async (
  io: Io,
  options: Options,
  store: SessionStore,
): Promise<string | undefined> => {
  const given = textOption(options, 'url') ?? io.environment.url;
  return given === undefined ? store.readCurrent() : normalise(given);
};

/** The chosen one, else the local stack. */
export const requireGateway = async (io: Io, options: Options, store: SessionStore): Promise<Gateway> => {
  const stack = await readRunningStack();
  const url = (await chosenGateway(io, options, store)) ?? stack?.baseUrl;
  if (url !== undefined) return { url, isLocalStack: url === stack?.baseUrl };
  throw new OperatorError(
    'Which gateway? Sign in with npx switchboard login --url https://…, or start the local stack with npm start.',
  );
};
