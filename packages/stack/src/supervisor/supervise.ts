import { type Child, type Exit, startChild } from '../process/child.ts';
import { STAGE } from '../process/watchdog.ts';
import { waitFor } from '../wait.ts';
import { type Backoff, backoffDelay, DEFAULT_BACKOFF } from './backoff.ts';

/** A program that has to run for as long as the stack does. */
export interface Program {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Where it answers; `/readyz` there says whether it is ready. */
  url: string;
}

export interface SuperviseOptions {
  onLine: (name: string, line: string) => void;
  /** Told about every start, crash and end, in words. */
  onEvent: (name: string, event: string) => void;
  onStarted?: (name: string, pid: number) => void;
  backoff?: Backoff;
}

export interface Supervised {
  name: string;
  url: string;
  pid(): number | undefined;
  /** How often it ended unasked. */
  crashes(): number;
  waitReady(timeoutMs: number): Promise<void>;
  stop(graceMs: number): Promise<void>;
}

// A program that never got ready has a fault that starting it again does not mend.
const CRASHES_BEFORE_READY_MAX = 4;
/** sysexits.h EX_CONFIG: the program says that its settings are wrong. */
const EXIT_CONFIG = 78;

/** Starts a program and starts it again, with growing delays, whenever it ends unasked. */
export async function supervise(program: Program, options: SuperviseOptions): Promise<Supervised> {
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const stopping = new AbortController();
  let crashes = 0;
  let crashesInARow = 0;
  let child: Child | undefined;
  let lastOutput = '';
  let isMisconfigured = false;

  const startOnce = async () => {
    const startedAt = performance.now();
    child = await startChild({
      command: program.command,
      args: program.args,
      env: program.env,
      cwd: program.cwd,
      stage: STAGE.service,
      onLine: (line) => options.onLine(program.name, line),
    });
    options.onStarted?.(program.name, child.pid);
    const exit = await child.exited;
    lastOutput = child.output();
    if (performance.now() - startedAt > backoff.recoveredAfterMs) crashesInARow = 0;
    return exit;
  };
  const keepRunning = async () => {
    while (!stopping.signal.aborted) {
      const exit = await startOnce();
      if (stopping.signal.aborted) return;
      crashes += 1;
      crashesInARow += 1;
      isMisconfigured = exit.code === EXIT_CONFIG;
      if (isMisconfigured)
        return options.onEvent(program.name, 'has wrong settings; it is not started again');
      const delayMs = backoffDelay(backoff, crashesInARow, Math.random());
      options.onEvent(program.name, `ended unasked (${wordsOf(exit)}); starting it again in ${delayMs} ms`);
      await sleepUnless(stopping.signal, delayMs);
    }
  };
  // A program that cannot even be spawned (no such file) has no process to watch: waitReady reports it.
  let spawnFault: unknown;
  const finished = keepRunning().catch((error: unknown) => {
    spawnFault = error;
  });

  return {
    name: program.name,
    url: program.url,
    pid: () => (child?.isRunning() ? child.pid : undefined),
    crashes: () => crashes,
    async waitReady(timeoutMs) {
      const hasFailed = () =>
        spawnFault !== undefined || isMisconfigured || crashes >= CRASHES_BEFORE_READY_MAX;
      // The present attempt may have said nothing yet: the one before knows why it ended.
      const words = () => `${lastOutput}\n${child?.isRunning() ? child.output() : ''}`.trim().slice(-3_000);
      try {
        await waitFor(
          async () => hasFailed() || stopping.signal.aborted || (await answersReady(program.url)),
          {
            what: `${program.name} to say that it is ready at ${program.url}/readyz`,
            timeoutMs,
            intervalMs: 100,
          },
        );
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`${message}\nIts last words:\n${words()}`, { cause: error });
      }
      if (stopping.signal.aborted) throw new Error(`${program.name} was stopped before it was ready`);
      if (spawnFault instanceof Error) throw spawnFault;
      if (isMisconfigured) throw new Error(lastOutput.trim().slice(-3_000));
      if (hasFailed()) throw new Error(`${program.name} ends again and again. Its last words:\n${words()}`);
    },
    async stop(graceMs) {
      stopping.abort();
      await child?.stop(graceMs);
      await finished;
    },
  };
}

async function answersReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok;
}

function wordsOf(exit: Exit): string {
  return exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
}

function sleepUnless(signal: AbortSignal, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
