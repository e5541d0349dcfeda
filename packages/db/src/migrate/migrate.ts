import { type Kysely, sql } from 'kysely';
import { type SchemaName, schemaNames } from '../schemas/index.ts';
import { discoverMigrations, type KnownMigration } from './discover.ts';
import { withOwner } from './owner.ts';
import { grantRights, provideRoles, type Say } from './roles.ts';

// Any number, always the same: "switchbd" in ASCII.
const LOCK = '8319679440268943972';
const SERVER_VERSION_MIN = 150_000;

interface Applied {
  schema: string;
  name: string;
  checksum: string;
}

export interface MigrationStatus {
  /** `<schema>/<name>` */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

const discoverAll = async (): Promise<KnownMigration[]> =>
  (await Promise.all(schemaNames.map(discoverMigrations))).flat();

const readApplied = async (db: Kysely<unknown>): Promise<Applied[]> => {
  const exists = await sql<{
    found: boolean;
  }>`select to_regclass('switchboard.migrations') is not null as found`.execute(db);
  if (!exists.rows[0]?.found) return [];
  return (
    await sql<Applied>`select schema, name, checksum from switchboard.migrations order by schema, name`.execute(
      db,
    )
  ).rows;
};

/** Refuses a database that this version of the code does not fit. */
const compare = (known: readonly KnownMigration[], applied: readonly Applied[]): KnownMigration[] => {
  for (const row of applied) {
    const same = known.find(({ schema, name }) => schema === row.schema && name === row.name);
    if (!same) {
      throw new Error(
        `The database is newer than this version: it has the migration ${row.schema}/${row.name}, which is unknown here. Run the version that made it, or a later one.`,
      );
    }
    if (same.checksum !== row.checksum) {
      throw new Error(
        `The migration ${row.schema}/${row.name} was changed after it was applied to this database. Undo the change and add a new migration instead; a local database can be made anew (npm start -- --reset).`,
      );
    }
  }
  const isApplied = (each: KnownMigration) =>
    applied.some(({ schema, name }) => schema === each.schema && name === each.name);
  const pending = known.filter((each) => !isApplied(each));
  for (const each of pending) {
    const later = applied.find(({ schema, name }) => schema === each.schema && name > each.name);
    if (later) {
      throw new Error(
        `${each.schema}/${each.name} comes before ${later.name}, which is applied already: give it a higher number.`,
      );
    }
  }
  return pending;
};

const applyOne = async (db: Kysely<unknown>, each: KnownMigration): Promise<void> => {
  const migration = await each.load();
  try {
    await db.transaction().execute(async (trx) => {
      await sql`create schema if not exists ${sql.id(each.schema)}`.execute(trx);
      await sql`set local search_path to ${sql.id(each.schema)}`.execute(trx);
      await migration(trx);
      // In the same transaction: no moment in which everybody may call a new function.
      await grantRights(trx, each.schema);
      await sql`insert into switchboard.migrations (schema, name, checksum) values (${each.schema}, ${each.name}, ${each.checksum})`.execute(
        trx,
      );
    });
  } catch (error) {
    throw new Error(
      `The migration ${each.schema}/${each.name} failed: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
};

const checkServer = async (db: Kysely<unknown>): Promise<void> => {
  const found = await sql<{ version: string; name: string }>`
    select current_setting('server_version_num') as version, current_setting('server_version') as name`.execute(
    db,
  );
  const [server] = found.rows;
  if (Number(server?.version) < SERVER_VERSION_MIN) {
    throw new Error(`Postgres ${server?.name} is too old: Switchboard needs 15 or later.`);
  }
};

/**
 * Brings all schemas of a database to the shape this version of the code needs. Safe to run by several processes at
 * once: one does the work, the others wait and find it done.
 *
 * @param options.url a connection as the owner of the tables (may create schemas; roles too, if they are to be made)
 * @param options.schemas only these; default all
 * @returns the migrations applied now, `<schema>/<name>`
 */
export const migrate = (options: {
  readonly url: string;
  readonly log?: Say;
  readonly schemas?: readonly SchemaName[];
}): Promise<string[]> => {
  const say = options.log ?? (() => undefined);
  const wanted = options.schemas ?? schemaNames;
  return withOwner(options.url, (pool) =>
    // One connection for everything: the lock belongs to it, and goes with it if we die.
    pool.connection().execute(async (db) => {
      await checkServer(db);
      await sql`set lock_timeout = 0`.execute(db);
      await sql`select pg_advisory_lock(${sql.raw(LOCK)})`.execute(db);
      await sql`set lock_timeout = '30s'`.execute(db);
      await sql`create schema if not exists switchboard`.execute(db);
      await sql`create table if not exists switchboard.migrations (
        schema text not null,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null default now(),
        primary key (schema, name)
      )`.execute(db);
      const pending = compare(await discoverAll(), await readApplied(db)).filter((each) =>
        wanted.includes(each.schema),
      );
      await provideRoles(db, say);
      for (const each of pending) {
        await applyOne(db, each);
        say(`Migration ${each.schema}/${each.name} applied`);
      }
      // Also without new migrations: somebody may have made a role anew since the last time.
      const schemasThere = new Set((await readApplied(db)).map((row) => row.schema));
      await db.transaction().execute(async (trx) => {
        for (const schema of wanted) if (schemasThere.has(schema)) await grantRights(trx, schema);
      });
      return pending.map((each) => `${each.schema}/${each.name}`);
    }),
  );
};

/** What is applied and what is not, without changing anything. Throws when the database does not fit this version. */
export const readMigrationStatus = (url: string): Promise<MigrationStatus> =>
  withOwner(url, async (db) => {
    const applied = await readApplied(db);
    const pending = compare(await discoverAll(), applied);
    return {
      applied: applied.map((row) => `${row.schema}/${row.name}`),
      pending: pending.map((each) => `${each.schema}/${each.name}`),
    };
  });
