import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/config.ts';
import { runCli } from '../../src/index.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions extends Partial<Environment> {
  /** What is piped in. */
  readonly input?: string;
  /** What is typed, question after question; left out: nobody sits at a terminal. */
  readonly typed?: readonly string[];
  /** How much later than now it is. */
  readonly laterSeconds?: number | (() => number);
  /** Takes the place of waiting: `seconds` that were to be waited for. */
  readonly onPause?: (seconds: number) => void | Promise<void>;
  readonly onPrint?: (text: string) => void;
}

/** A directory for sessions of a test's own. */
export const makeConfigDir = (): string =>
  join(mkdtempSync(join(tmpdir(), 'switchboard-cli-')), 'switchboard');

/** Runs the command line in this process, with nothing of this machine's own surroundings. */
export const createCli =
  (surroundings: Partial<Environment>) =>
  async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    const { input = '', typed, laterSeconds = 0, onPause, onPrint, ...changes } = options;
    const out: string[] = [];
    const err: string[] = [];
    const answers = typed && [...typed];
    const code = await runCli(args, {
      environment: {
        url: undefined,
        token: undefined,
        configDir: '/nowhere/switchboard',
        databaseUrl: undefined,
        natsUrl: undefined,
        ...surroundings,
        ...changes,
      },
      print(text) {
        out.push(text);
        onPrint?.(text);
      },
      printError: (text) => void err.push(text),
      now: () =>
        new Date(Date.now() + (typeof laterSeconds === 'function' ? laterSeconds() : laterSeconds) * 1000),
      pause: async (milliseconds) => onPause?.(milliseconds / 1000),
      readInput: async () => input,
      askSecret: async () => (answers ? (answers.shift() ?? '') : null),
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
export type Cli = ReturnType<typeof createCli>;
