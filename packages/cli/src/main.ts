import { readEnvironment } from './config.ts';
import { runCli } from './run.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  environment: readEnvironment(),
  print: (text) => process.stdout.write(`${text}\n`),
  printError: (text) => process.stderr.write(`${text}\n`),
});
