import { type ChildProcess, spawn } from 'node:child_process';
import { freePort, waitFor } from '@switchboard/stack/testing';

export interface BenchProcess {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
};

/** Starts a program that listens on `PORT` of loopback, and waits until it answers. */
export const startProcess = async (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  port?: number,
): Promise<BenchProcess> => {
  const listening = port ?? (await freePort());
  const url = `http://127.0.0.1:${listening}`;
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...env, PORT: String(listening) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stopWithParent = () => child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  await waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`${command} ended at once`);
      await (await fetch(url)).body?.cancel();
      return true;
    },
    { what: `${args.at(-1)} at ${url}`, timeoutMs: 20_000 },
  );
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      process.off('exit', stopWithParent);
      await end(child);
    },
  };
};
