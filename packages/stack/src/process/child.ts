import { type SpawnOptions, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stackEnvironment } from '../config.ts';
import { signalGroup } from './identity.ts';
import { RUN_VARIABLE } from './stragglers.ts';
import { guardChild, releaseChild } from './watchdog.ts';

/** How a child ended: an exit code or the signal that ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  pid: number;
  /** Settles once, when the process has ended and its output was read. */
  exited: Promise<Exit>;
  isRunning(): boolean;
  /** The last lines it wrote to stdout and stderr, oldest first. */
  output(): string;
  /** Asks it to end, waits, and ends its whole group by force after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL to its whole process group. */
  kill(): Promise<void>;
}

export interface ChildOptions {
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** The signal that means "finish and end" to this program. */
  stopSignal?: NodeJS.Signals;
  /** When to end relative to others if we die (see `STAGE`). */
  stage: number;
  onLine?: ((line: string) => void) | undefined;
}

const OUTPUT_LINES_MAX = 2_000;

/**
 * Starts a program in a process group of its own (a Ctrl-C in the terminal reaches only us, so we decide the order
 * of ending) and under the watchdog (it ends when we do).
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const lines: string[] = [];
  const { testRunId } = stackEnvironment();
  const spawnOptions: SpawnOptions = {
    env: { ...options.env, ...(testRunId === undefined ? {} : { [RUN_VARIABLE]: testRunId }) },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  };
  const child = spawn(options.command, options.args, spawnOptions);
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > OUTPUT_LINES_MAX) lines.splice(0, OUTPUT_LINES_MAX / 2);
      options.onLine?.(line);
    });
  }

  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      // 'close' waits for the output; a grandchild holding the pipe must not keep us waiting for ever.
      // In two steps: when we stood still for longer than one, the output is read before the other ends.
      let giveUp = setTimeout(() => {
        giveUp = setTimeout(() => resolve({ code, signal }), 250);
      }, 250);
      child.once('close', () => {
        clearTimeout(giveUp);
        resolve({ code, signal });
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new Error(`${options.command} could not be started: ${error.message}`, { cause: error })),
    );
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} has no process id`);
  guardChild(pid, { stage: options.stage, signal: options.stopSignal ?? 'SIGTERM' });
  void exited.then(() => releaseChild(pid));

  const endByForce = async () => {
    signalGroup(pid, 'SIGKILL');
    await exited;
  };
  return {
    pid,
    exited,
    isRunning: () => running,
    output: () => lines.join('\n'),
    async stop(graceMs = 10_000) {
      if (!running) return void (await exited);
      child.kill(options.stopSignal ?? 'SIGTERM');
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), graceMs);
      });
      const outcome = await Promise.race([exited, late]);
      clearTimeout(timer);
      if (outcome === 'late') await endByForce();
    },
    kill: endByForce,
  };
}
