import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, provisionRoles, type SchemaName, schemaNames, serviceRoles } from '@switchboard/db';
import { type NatsServer, startNats as startNatsIn } from '../nats/nats.ts';
import { freePort } from '../ports.ts';
import { makePassword, type PostgresServer, startPostgres as startPostgresIn } from '../postgres/postgres.ts';
import { OWNER_ROLE, provideDatabase, provideOwner, urlWith } from '../postgres/roles.ts';
import { startChild } from '../process/child.ts';
import { guardDirectory, STAGE } from '../process/watchdog.ts';
import { bringTool } from '../tools/bring-tool.ts';
import { waitFor } from '../wait.ts';

export interface OwnPostgres extends PostgresServer {
  /** A migrated database, as its owner. */
  ownerUrl: string;
  urlFor(schema: SchemaName): string;
}

export interface OwnRedis {
  url: string;
  port: number;
  pid(): number;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** A directory that goes when the process that asked for it ends, however it ends. */
export async function throwAwayDir(kind: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `switchboard-${kind}-`));
  guardDirectory(dir);
  return dir;
}

/** A Postgres of this test's own, to be killed: migrated, on its own port, with fresh data. About 3 s. `durable`: with fsync. */
export async function startPostgres(
  options: { port?: number; durable?: boolean } = {},
): Promise<OwnPostgres> {
  const dir = await throwAwayDir('postgres');
  const password = makePassword();
  const dataDir = join(dir, 'data');
  await openDirectory(dir);
  const server = await startPostgresIn({ durable: false, ...options, dataDir, password });
  await prepareCluster(server.url, password);
  return {
    ...server,
    ownerUrl: urlWith(server.url, OWNER_ROLE, password, 'switchboard'),
    urlFor: (schema) => urlWith(server.url, serviceRoles[schema], password, 'switchboard'),
    async stop() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A nats-server of this test's own, to be killed, with one open account. `stop()` removes its files. */
export async function startNats(options: { port?: number } = {}): Promise<NatsServer & { dir: string }> {
  const dir = await throwAwayDir('nats');
  const server = await startNatsIn({ ...options, dir });
  return { ...server, dir };
}

/** A redis-server without persistence. */
export async function startRedis(options: { port?: number } = {}): Promise<OwnRedis> {
  const executable = await bringTool('redis-server');
  const port = options.port ?? (await freePort());
  const launch = async () => {
    const child = await startChild({
      command: executable,
      args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      stage: STAGE.broker,
    });
    await waitFor(() => !child.isRunning() || child.output().includes('Ready to accept connections'), {
      what: `redis-server on port ${port}`,
    });
    if (!child.isRunning()) throw new Error(`redis-server ended at once:\n${child.output()}`);
    return child;
  };
  let child = await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => child.pid,
    stop: () => child.stop(),
    kill: () => child.kill(),
    async restart() {
      await child.stop();
      child = await launch();
    },
  };
}

/** Owner, migrated database `switchboard`, and the services' roles on a fresh cluster. */
export async function prepareCluster(
  adminUrl: string,
  password: string,
  database = 'switchboard',
): Promise<void> {
  await provideOwner(adminUrl, password);
  await provideDatabase(adminUrl, database, OWNER_ROLE);
  await migrate({ url: urlWith(adminUrl, OWNER_ROLE, password, database) });
  await provisionRoles({
    url: adminUrl,
    passwords: Object.fromEntries(schemaNames.map((schema) => [schema, password])),
  });
}

/** The user Postgres runs as must be able to pass through the directory made by root. */
export async function openDirectory(dir: string): Promise<void> {
  await chmod(dir, 0o755);
}
