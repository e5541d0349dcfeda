import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../ports.ts';
import { type Child, startChild } from '../process/child.ts';
import { STAGE } from '../process/watchdog.ts';
import { bringTool } from '../tools/bring-tool.ts';
import { waitFor } from '../wait.ts';
import { checkJetStream } from './wire.ts';

export interface NatsOptions {
  /** Where the configuration and JetStream's files go. They survive a restart. */
  dir: string;
  /** A free one when left out. */
  port?: number;
  /** Creates that many accounts `w1`, `w2`, … with JetStreams of their own, instead of one open account. */
  accounts?: number;
  onLine?: (line: string) => void;
  /** Told when the program has to be fetched first. */
  onNote?: (note: string) => void;
}

export interface NatsServer {
  url: string;
  port: number;
  /** The URL of account `w<number>`, when the server has accounts. */
  urlOf(account: number): string;
  pid(): number;
  exited(): Promise<unknown>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** SIGKILL. What JetStream acknowledged is still there after `restart()`. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same files; ends it first if it runs. */
  restart(): Promise<void>;
}

/** Starts a nats-server with JetStream on 127.0.0.1 and waits until it answers. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const executable = await bringTool('nats-server', options.onNote ? { onNote: options.onNote } : {});
  const port = options.port ?? (await freePort());
  await mkdir(options.dir, { recursive: true });
  const configPath = join(options.dir, 'nats-server.conf');
  await writeFile(configPath, renderConfig(port, options));
  const urlOf = (account: number) => `nats://w${account}:w${account}@127.0.0.1:${port}`;
  const url = options.accounts ? urlOf(1) : `nats://127.0.0.1:${port}`;

  const start = async (): Promise<Child> => {
    const started = await startChild({
      command: executable,
      args: ['--config', configPath],
      env: { PATH: '/usr/bin:/bin', HOME: options.dir },
      stage: STAGE.broker,
      onLine: options.onLine,
    });
    await waitFor(
      async () => {
        if (!started.isRunning()) return 'ended';
        await checkJetStream(url);
        return 'ready';
      },
      { what: `nats-server on port ${port}`, timeoutMs: 60_000 },
    );
    if (!started.isRunning())
      throw new Error(`nats-server ended at once:\n${started.output().slice(-2_000)}`);
    return started;
  };

  let child = await start();
  return {
    url,
    port,
    urlOf,
    pid: () => child.pid,
    exited: () => child.exited,
    stop: () => child.stop(),
    kill: () => child.kill(),
    async restart() {
      await child.stop();
      child = await start();
    },
  };
}

function renderConfig(port: number, options: NatsOptions): string {
  const accounts = Array.from({ length: options.accounts ?? 0 }, (_, index) => {
    const name = `w${index + 1}`;
    return `  ${name}: { jetstream: enabled, users: [{ user: ${name}, password: ${name} }] }`;
  });
  return [
    `listen: "127.0.0.1:${port}"`,
    'server_name: switchboard-local',
    // Room for one chunk of a recording (512 KiB) with its envelope in base64.
    'max_payload: 2MB',
    // A connection that was cut off without a word still gets its share of questions until it is noticed, by default for minutes.
    // (2.9 pings no connection to which it has something to send, so that a busy one stays even so.)
    'ping_interval: "10s"',
    'ping_max: 2',
    `jetstream { store_dir: ${JSON.stringify(join(options.dir, 'jetstream'))}, max_memory_store: 256MB, max_file_store: 8GB }`,
    // By default 2 s from the connection to its password: a process that stands still meanwhile would be turned away.
    ...(accounts.length > 0 ? ['authorization { timeout: 30 }', 'accounts {', ...accounts, '}'] : []),
    '',
  ].join('\n');
}
