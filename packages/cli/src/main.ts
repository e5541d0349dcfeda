import { setTimeout as pause } from 'node:timers/promises';
import { readEnvironment } from './config.ts';
import { runCli } from './run.ts';
import { askSecret, readInput } from './terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  environment: readEnvironment(),
  print: (text) => process.stdout.write(`${text}\n`),
  printError: (text) => process.stderr.write(`${text}\n`),
  now: () => new Date(),
  pause,
  readInput,
  askSecret,
});
