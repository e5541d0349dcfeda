import { spawn } from 'node:child_process';

const answerMs = 5_000;
const found = new Map<string, Promise<boolean>>();

/**
 * Whether a program (a name on PATH, or a path) can be started. Asked once per program and process: what is installed
 * later is seen after a restart.
 */
export function canRun(program: string, args: readonly string[] = ['-version']): Promise<boolean> {
  const known = found.get(program);
  if (known !== undefined) return known;
  const answer = new Promise<boolean>((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', timeout: answerMs, killSignal: 'SIGKILL' });
    child.once('error', () => resolve(false));
    // Some programs end with an error when asked without work; that they end at all says that they are there.
    child.once('exit', (_, signal) => resolve(signal === null));
  });
  found.set(program, answer);
  return answer;
}
