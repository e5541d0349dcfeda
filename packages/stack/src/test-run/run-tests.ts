import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { guardChild, releaseChild, STAGE } from '../process/watchdog.ts';

export interface TestRun {
  cwd: string;
  /** Passed on to vitest: files, folders, `-t <name>`, … */
  args: readonly string[];
  resultsPath: string;
  env: NodeJS.ProcessEnv;
  /** Settles when we are asked to end. */
  asked: Promise<string>;
}

/** Runs vitest once, its output as it comes, its results as JSON beside. Gives its exit code. */
export async function runTests(run: TestRun): Promise<number> {
  const vitest = join(run.cwd, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${run.resultsPath}`];
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...run.args], {
    cwd: run.cwd,
    stdio: 'inherit',
    env: { ...run.env, NODE_ENV: 'test' },
  });
  const pid = child.pid;
  if (pid !== undefined) guardChild(pid, { stage: STAGE.service, signal: 'SIGTERM' });
  void run.asked.then(() => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`vitest could not be started: ${error.message}`);
      resolve(1);
    });
    child.once('exit', (code) => {
      if (pid !== undefined) releaseChild(pid);
      resolve(code ?? 1);
    });
  });
}
