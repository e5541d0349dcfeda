import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../ports.ts';
import { type Child, startChild } from '../process/child.ts';
import { STAGE } from '../process/watchdog.ts';
import { waitFor } from '../wait.ts';
import { findPostgresBinaries } from './binaries.ts';
import { choosePostgresUser, ids, type RunAs } from './run-as.ts';

export interface PostgresOptions {
  /** The cluster's files; made at the first start. */
  dataDir: string;
  /** A free one when left out. */
  port?: number;
  /** The superuser's password. It is set when the cluster is made; later starts must give the same. */
  password: string;
  /**
   * False for throw-away clusters: no fsync. Commits still survive a SIGKILL of Postgres, because the kernel has
   * them; only a crash of the machine would lose them.
   */
  durable?: boolean;
  onLine?: ((line: string) => void) | undefined;
}

export interface PostgresServer {
  /** The superuser's URL of database `postgres`. */
  url: string;
  port: number;
  pid(): number;
  exited(): Promise<unknown>;
  /** Ends it in order: sessions are cut, everything is written. */
  stop(): Promise<void>;
  /** SIGKILL of the server. Its sessions' processes notice and end too. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data; ends it first if it runs. */
  restart(): Promise<void>;
}

/** Starts a Postgres of its own on 127.0.0.1, making the cluster if need be, and waits until it takes queries. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const runAs = choosePostgresUser();
  const binaries = await findPostgresBinaries(runAs);
  if (!existsSync(join(options.dataDir, 'PG_VERSION'))) {
    await makeCluster(binaries.initdb, options, runAs);
  }
  const port = options.port ?? (await freePort());
  const url = `postgresql://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${port}/postgres`;

  const start = async (): Promise<Child> => {
    const started = await startChild({
      command: binaries.postgres,
      args: serverArgs(options, port),
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      cwd: '/',
      ...ids(runAs),
      // "Fast" shutdown: SIGTERM would wait for every client to leave by itself.
      stopSignal: 'SIGINT',
      stage: STAGE.database,
      onLine: options.onLine,
    });
    try {
      await waitFor(() => !started.isRunning() || takesQueries(url), {
        what: `Postgres on port ${port}`,
        timeoutMs: 60_000,
      });
    } catch (error) {
      await started.stop();
      throw error;
    }
    if (started.isRunning()) return started;
    await started.exited;
    throw new Error(`Postgres ended at once:\n${started.output().slice(-2_000)}`);
  };

  let child = await startPatiently(start);
  return {
    url,
    port,
    pid: () => child.pid,
    exited: () => child.exited,
    stop: () => child.stop(20_000),
    kill: () => child.kill(),
    async restart() {
      await child.stop(20_000);
      child = await startPatiently(start);
    },
  };
}

/**
 * After a SIGKILL the sessions' processes need a moment to notice that the server is gone; until then a new server
 * refuses the old one's shared memory.
 */
async function startPatiently(start: () => Promise<Child>): Promise<Child> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const words = error instanceof Error ? error.message : '';
      if (attempt >= 120 || !/shared memory block|lock file "postmaster.pid" already exists/.test(words))
        throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

function serverArgs(options: PostgresOptions, port: number): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    // No socket file: the default directory belongs to the distribution's Postgres.
    'unix_socket_directories=',
    'max_connections=300',
    'shared_buffers=128MB',
    'log_min_messages=warning',
    'timezone=UTC',
    ...(options.durable === false ? ['fsync=off', 'full_page_writes=off', 'max_wal_size=2GB'] : []),
  ];
  return ['-D', options.dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
}

async function makeCluster(initdb: string, options: PostgresOptions, runAs: RunAs): Promise<void> {
  await mkdir(options.dataDir, { recursive: true });
  const leftover = await readdir(options.dataDir);
  if (leftover.length > 0) {
    throw new Error(
      `${options.dataDir} is not empty and not a Postgres cluster (an earlier start was cut off?). Run npm start -- --reset to begin anew.`,
    );
  }
  const secretDir = await mkdtemp(join(tmpdir(), 'switchboard-initdb-'));
  const passwordFile = join(secretDir, 'password');
  try {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
    await chmod(options.dataDir, 0o700);
    if (runAs.uid !== undefined && runAs.gid !== undefined) {
      for (const path of [options.dataDir, secretDir, passwordFile]) await chown(path, runAs.uid, runAs.gid);
    }
    const child = await startChild({
      command: initdb,
      args: [
        ...['-D', options.dataDir, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        // The same order of texts on every machine, whatever locales it has.
        ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
        ...['--no-instructions', ...(options.durable === false ? ['--no-sync'] : [])],
      ],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      cwd: '/',
      ...ids(runAs),
      stage: STAGE.database,
    });
    const exit = await child.exited;
    if (exit.code !== 0) {
      await rm(options.dataDir, { recursive: true, force: true });
      throw new Error(`initdb failed in ${options.dataDir}:\n${child.output()}`);
    }
  } finally {
    await rm(secretDir, { recursive: true, force: true });
  }
}

async function takesQueries(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A password that needs no escaping anywhere. */
export function makePassword(): string {
  return randomBytes(18).toString('base64url');
}
