import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { renderLogLine } from './log-line.ts';

const COLOURS = [36, 33, 35, 32, 34, 31];

export interface StackConsole {
  /** One line of a program: to the terminal with its name before it, and to `<logs>/<name>.log` as it was. */
  line(name: string, line: string): void;
  /** To the program's log file, and to the terminal only if it matters. */
  quietLine(name: string, line: string, matters: boolean): void;
  /** What the stack itself says. */
  say(text: string): void;
  close(): void;
}

/** Prefixes every line with who said it, coloured on a terminal. Log files begin anew with every start. */
export function createConsole(options: { logsDir: string; colour: boolean }): StackConsole {
  mkdirSync(options.logsDir, { recursive: true });
  const files = new Map<string, WriteStream>();
  const prefixes = new Map<string, string>();
  const fileOf = (name: string) => {
    let file = files.get(name);
    if (!file) {
      file = createWriteStream(join(options.logsDir, `${name.replaceAll(' ', '-')}.log`), { mode: 0o600 });
      file.on('error', () => undefined);
      files.set(name, file);
    }
    return file;
  };
  const prefixOf = (name: string) => {
    let prefix = prefixes.get(name);
    if (!prefix) {
      const text = `${name.padEnd(18)} │ `;
      const colour = COLOURS[prefixes.size % COLOURS.length];
      prefix = options.colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
      prefixes.set(name, prefix);
    }
    return prefix;
  };
  const print = (name: string, text: string) => {
    for (const line of text.split('\n')) process.stdout.write(`${prefixOf(name)}${line}\n`);
  };
  return {
    line(name, line) {
      fileOf(name).write(`${line}\n`);
      print(name, renderLogLine(line));
    },
    quietLine(name, line, matters) {
      fileOf(name).write(`${line}\n`);
      if (matters) print(name, line);
    },
    say(text) {
      print('stack', text);
    },
    close() {
      for (const file of files.values()) file.end();
    },
  };
}
