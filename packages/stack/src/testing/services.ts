import { pinnedNode, repositoryDir, serviceEntry } from '../paths.ts';
import { freePort } from '../ports.ts';
import { type Child, type Exit, startChild } from '../process/child.ts';
import { STAGE } from '../process/watchdog.ts';
import { waitFor } from '../wait.ts';
import { plainEnvironment } from './config.ts';

export interface TestService {
  url: string;
  port: number;
  pid: number;
  /** Everything it wrote so far, over all its lives. */
  output: string;
  isRunning(): boolean;
  /** Settles when the present process ends. */
  exited: Promise<Exit>;
  /** Waits until `/readyz` says 200. Fails at once, with the log, when the process ends instead. */
  waitReady(timeoutMs?: number): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with changed variables if given; ends it first if it runs. Then `waitReady()`. */
  restart(changes?: Readonly<Record<string, string>>): Promise<void>;
}

/**
 * Starts `apps/<name>/src/main.ts` as `npm start` does: its own process under the pinned Node. It gets `env` and
 * hardly anything of ours; `PORT` is a free one unless given.
 */
export async function startService(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<TestService> {
  const port = env.PORT ? Number(env.PORT) : await freePort();
  const url = `http://127.0.0.1:${port}`;
  let variables: Record<string, string> = { ...env };
  let earlierOutput = '';

  const launch = (): Promise<Child> =>
    startChild({
      command: pinnedNode(),
      args: ['--enable-source-maps', serviceEntry(name)],
      cwd: repositoryDir,
      env: {
        ...plainEnvironment(),
        NODE_ENV: 'test',
        LOG_LEVEL: 'info',
        HOST: '127.0.0.1',
        ...variables,
        PORT: String(port),
      },
      stage: STAGE.service,
    });
  let child = await launch();

  return {
    url,
    port,
    get pid() {
      return child.pid;
    },
    get output() {
      return earlierOutput + child.output();
    },
    get exited() {
      return child.exited;
    },
    isRunning: () => child.isRunning(),
    async waitReady(timeoutMs = 60_000) {
      await waitFor(async () => !child.isRunning() || (await isReady(url)), {
        what: `${name} to be ready at ${url}`,
        timeoutMs,
        intervalMs: 50,
      }).catch((error: Error) => {
        throw new Error(`${error.message}\n${child.output().slice(-4_000)}`, { cause: error });
      });
      if (!child.isRunning())
        throw new Error(`${name} ended before it was ready:\n${child.output().slice(-4_000)}`);
    },
    stop: (graceMs) => child.stop(graceMs),
    kill: () => child.kill(),
    async restart(changes = {}) {
      await child.stop();
      earlierOutput += `${child.output()}\n`;
      variables = { ...variables, ...changes };
      child = await launch();
    },
  };
}

/** Whether a service says it is ready. */
export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.ok;
}
