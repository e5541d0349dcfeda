import type { ParseArgsConfig } from 'node:util';
import type { Environment } from './config.ts';

/** Where a command writes, and what it knows of its surroundings. */
export interface Io {
  readonly environment: Environment;
  print(text: string): void;
  printError(text: string): void;
  now(): Date;
  pause(milliseconds: number): Promise<void>;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** A line that is not shown while it is typed; null where nobody sits at a terminal. */
  askSecret(question: string): Promise<string | null>;
}

export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** One thing the command line does: `switchboard <group> <verb>`. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** After `switchboard <name>`. */
  readonly usage: string;
  readonly help: readonly string[];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  run(input: {
    readonly words: readonly string[];
    readonly options: Options;
    readonly io: Io;
  }): Promise<void>;
}

/** The command was written wrongly: the message says how it is meant. */
export class UsageError extends Error {}

/** Something outside stands in the way: the message says what to do. */
export class OperatorError extends Error {}

export const textOption = (options: Options, name: string): string | undefined => {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const readId = (text: string | undefined, what: string): string => {
  if (text === undefined) throw new UsageError(`Say which: the ${what} is missing.`);
  if (!UUID.test(text)) throw new UsageError(`"${text}" is no ${what}: it must be a UUID.`);
  return text;
};

export const readWholeNumber = (text: string, name: string, min: number): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`${name} must be a whole number of at least ${min}, not "${text}".`);
  }
  return value;
};

/** No more words than a command takes: a name with a blank and no quotes would be half a name. */
export const refuseMoreWords = (words: readonly string[], most: number): void => {
  if (words.length > most) {
    throw new UsageError(`What is "${words.slice(most).join(' ')}"? Put names with blanks in quotes.`);
  }
};
