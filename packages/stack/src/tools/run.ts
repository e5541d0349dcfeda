import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs: number;
  /** The code that counts as success; default 0. */
  exitCode?: number;
}

/** Runs a program to its end and gives what it wrote. Throws, with its last words, when it fails or takes too long. */
export function runToEnd(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', (error) => reject(new Error(`${command}: ${error.message}`, { cause: error })));
    child.once('close', (code, signal) => {
      if (code === (options.exitCode ?? 0)) return resolve(stdout);
      const end = signal ? `ended by ${signal} (time limit ${options.timeoutMs} ms)` : `exit code ${code}`;
      const lastLine = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
      reject(new Error(`${command} ${args[0] ?? ''}: ${end} ${lastLine}`.trim()));
    });
  });
}
