import { provisionRoles, type SchemaName, schemaNames, serviceRoles } from '@switchboard/db';
import { checkUrl, stackEnvironment } from '../config.ts';
import { fromHere } from '../paths.ts';
import { chooseDataDir } from '../postgres/binaries.ts';
import { type PostgresServer, startPostgres } from '../postgres/postgres.ts';
import { OWNER_ROLE, provideDatabase, provideOwner, urlWith, withClient } from '../postgres/roles.ts';
import { choosePostgresUser } from '../postgres/run-as.ts';
import type { StackConsole } from '../supervisor/console.ts';
import { keepAlive } from './keep-alive.ts';
import type { LocalSecrets } from './secrets.ts';

const DATABASE = 'switchboard';

export interface LocalDatabase {
  /** As the owner of the tables: for migrations and operators. */
  ownerUrl: string;
  /** Whether it is ours, or the operator's behind DATABASE_URL. */
  isOwn: boolean;
  where: string;
  stop(): Promise<void>;
}

/** The operator's Postgres when DATABASE_URL is set, else one of our own. */
export async function startDatabase(
  secrets: LocalSecrets,
  port: number,
  out: StackConsole,
): Promise<LocalDatabase> {
  const { databaseUrl } = stackEnvironment();
  if (databaseUrl) {
    checkUrl(
      'DATABASE_URL',
      databaseUrl,
      ['postgres:', 'postgresql:'],
      'postgres://user:password@host:5432/name',
    );
    await checkExternal(databaseUrl);
    return { ownerUrl: databaseUrl, isOwn: false, where: placeOf(databaseUrl), stop: async () => undefined };
  }
  const dataDir = await chooseDataDir(choosePostgresUser());
  const server = await startPostgres({
    dataDir,
    port,
    password: secrets.postgresPassword,
    onLine: (line) => out.quietLine('postgres', line, isWorthSaying(line)),
  });
  const keeper = keepAlive('postgres', server, out);
  await prepareOwn(server, secrets);
  return {
    ownerUrl: urlWith(server.url, OWNER_ROLE, secrets.ownerPassword, DATABASE),
    isOwn: true,
    where: `127.0.0.1:${port}, files in ${fromHere(dataDir)}`,
    stop: keeper.stop,
  };
}

/** The URL each service connects with: its own role, which sees its own schema only. Call it after the migrations. */
export async function provideServiceUrls(
  database: LocalDatabase,
  secrets: LocalSecrets,
  out: StackConsole,
): Promise<Record<SchemaName, string>> {
  const urlOf = (schema: SchemaName) => {
    const name = new URL(database.ownerUrl).pathname.slice(1);
    return urlWith(database.ownerUrl, serviceRoles[schema], secrets.rolePasswords[schema], name);
  };
  const urls = urlsBy(urlOf);
  const tryAll = (schemas: readonly SchemaName[]) =>
    Promise.all(schemas.map((schema) => withClient(urls[schema], async () => undefined)));
  try {
    const inUse = database.isOwn ? [] : await rolesInUse(database.ownerUrl);
    // Those that have passwords of ours come first: where others gave them, none of the rest is touched either.
    await tryAll(inUse);
    const missing = schemaNames.filter((schema) => !inUse.includes(schema));
    await provisionRoles({
      url: database.ownerUrl,
      passwords: Object.fromEntries(missing.map((schema) => [schema, secrets.rolePasswords[schema]])),
    });
    await tryAll(missing);
    return urls;
  } catch (error) {
    if (database.isOwn) throw error;
    // Somebody else's server, where we may not set passwords: the owner's rights do for local work.
    const words = error instanceof Error ? error.message : String(error);
    out.say(`The services connect as the owner in DATABASE_URL, not with roles of their own (${words}).`);
    return urlsBy(() => database.ownerUrl);
  }
}

function urlsBy(urlOf: (schema: SchemaName) => string): Record<SchemaName, string> {
  return {
    identity: urlOf('identity'),
    calls: urlOf('calls'),
    partner: urlOf('partner'),
    tickets: urlOf('tickets'),
    ai: urlOf('ai'),
    webhooks: urlOf('webhooks'),
  };
}

async function prepareOwn(server: PostgresServer, secrets: LocalSecrets): Promise<void> {
  try {
    await provideOwner(server.url, secrets.ownerPassword);
    await provideDatabase(server.url, DATABASE, OWNER_ROLE);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** On a server we did not make, a role that may log in has a password somebody gave it: perhaps we, at an earlier start. */
async function rolesInUse(ownerUrl: string): Promise<SchemaName[]> {
  const roles = schemaNames.map((schema) => serviceRoles[schema]);
  return withClient(ownerUrl, async (client) => {
    const found = await client.query<{ rolname: string }>(
      'select rolname from pg_roles where rolname = any($1) and rolcanlogin',
      [roles],
    );
    const names = new Set(found.rows.map(({ rolname }) => rolname));
    return schemaNames.filter((schema) => names.has(serviceRoles[schema]));
  });
}

async function checkExternal(url: string): Promise<void> {
  try {
    await withClient(url, async (client) => {
      const answer = await client.query<{ version: number }>(
        "select current_setting('server_version_num')::int as version",
      );
      const version = answer.rows[0]?.version ?? 0;
      if (version < 150_000)
        throw new Error(`it is version ${Math.floor(version / 10_000)}, 15 is the oldest supported`);
    });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The Postgres in DATABASE_URL (${placeOf(url)}) cannot be used: ${words}.\nStart it, correct the URL, or unset DATABASE_URL to use the embedded one.`,
      { cause: error },
    );
  }
}

function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || 5432}${pathname}`;
}

/** Refusing early callers is part of every start; what services do wrong is in their own logs. */
function isWorthSaying(line: string): boolean {
  return /FATAL|PANIC/.test(line) && !/the database system is (starting up|shutting down)/.test(line);
}
