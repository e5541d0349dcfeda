import { parseArgs } from 'node:util';
import { type Command, type Io, OperatorError, UsageError } from './command.ts';
import { migrateDatabase } from './commands/db/migrate.ts';
import { listDead } from './commands/dead/list.ts';
import { putBackDead } from './commands/dead/put-back.ts';
import { createKey } from './commands/partner-keys/create.ts';
import { listKeys } from './commands/partner-keys/list.ts';
import { revokeKey } from './commands/partner-keys/revoke.ts';
import { rotateKey } from './commands/partner-keys/rotate.ts';

export type { Io } from './command.ts';

const commands: readonly Command[] = [
  createKey,
  listKeys,
  rotateKey,
  revokeKey,
  listDead,
  putBackDead,
  migrateDatabase,
];

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

const overview = (): string => {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'switchboard — what operators do from a shell',
    '',
    ...commands.map(({ name, summary }) => `  switchboard ${name.padEnd(width)}  ${summary}`),
    '',
    'Options of a command: switchboard <command> --help',
    'It works on DATABASE_URL and NATS_URL (and WEBHOOK_SECRET), else on the local stack that npm start runs.',
  ].join('\n');
};

const helpOf = ({ name, summary, usage, help }: Command): string =>
  [`${summary}`, '', `  switchboard ${name} ${usage}`.trimEnd(), '', ...help.map((line) => `  ${line}`)].join(
    '\n',
  );

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h' || word === 'help';

const parse = (command: Command, args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const runCommand = async (command: Command, args: readonly string[], io: Io): Promise<number> => {
  try {
    const { values, positionals } = parse(command, args);
    if (values.help) {
      io.print(helpOf(command));
      return EXIT.ok;
    }
    const options: Record<string, string | boolean> = {};
    for (const [name, value] of Object.entries(values)) if (typeof value !== 'object') options[name] = value;
    await command.run({ words: positionals, options, io });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof UsageError) {
      io.printError(`${error.message}\n\n${helpOf(command)}`);
      return EXIT.usage;
    }
    if (error instanceof OperatorError) {
      io.printError(error.message);
      return EXIT.failed;
    }
    throw error;
  }
};

/** Runs the command that the arguments name. Gives the exit code: 0 done, 1 could not be done, 2 written wrongly. */
export const runCli = async (args: readonly string[], io: Io): Promise<number> => {
  const [group, verb, ...rest] = args;
  if (group === undefined || isHelp(group)) {
    io.print(overview());
    return group === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = commands.find(({ name }) => name === `${group} ${verb}`);
  if (command) return runCommand(command, rest, io);
  const ofGroup = commands.filter(({ name }) => name.startsWith(`${group} `));
  const wants = verb === undefined || isHelp(verb);
  if (ofGroup.length > 0) {
    const text = ofGroup.map(helpOf).join('\n\n');
    if (wants) io.print(text);
    else io.printError(`There is no "${group} ${verb}".\n\n${text}`);
    return isHelp(verb) ? EXIT.ok : EXIT.usage;
  }
  io.printError(`There is no command "${args.join(' ')}".\n\n${overview()}`);
  return EXIT.usage;
};
