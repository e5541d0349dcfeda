import { type Kysely, sql } from 'kysely';
import { operatorRole, type SchemaName, schemaNames, serviceRoles } from '../schemas/index.ts';
import { withOwner } from './owner.ts';

export type Say = (line: string) => void;

const roleNames = [...schemaNames.map((name) => serviceRoles[name]), operatorRole];

/** The SQLSTATE of a database error, if it is one. */
const sqlState = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const findRoles = async (db: Kysely<unknown>): Promise<Set<string>> => {
  const found = await sql<{
    rolname: string;
  }>`select rolname from pg_roles where rolname = any(${roleNames})`.execute(db);
  return new Set(found.rows.map((row) => row.rolname));
};

/** Makes the roles that are missing, without LOGIN. When it may not, the error says what an administrator has to run. */
export const provideRoles = async (db: Kysely<unknown>, say: Say): Promise<void> => {
  const present = await findRoles(db);
  const missing = roleNames.filter((role) => !present.has(role));
  const refused: string[] = [];
  for (const role of missing) {
    try {
      await sql`create role ${sql.id(role)} nologin`.execute(db);
      if (role === operatorRole)
        await sql`alter role ${sql.id(role)} set search_path = partner, public`.execute(db);
      say(`Role ${role} created`);
    } catch (error) {
      // Roles belong to the whole server: a migration of another database may have made it this moment.
      if (sqlState(error) === '42710' || sqlState(error) === '23505') continue;
      if (sqlState(error) !== '42501') throw error;
      refused.push(role);
    }
  }
  if (refused.length === 0) return;
  throw new Error(
    `This connection may not create roles. Let an administrator of the server run the following, and migrate again:\n${refused
      .map((role) => `  create role ${role} nologin;`)
      .join('\n')}\n  alter role ${operatorRole} set search_path = partner, public;`,
  );
};

/** Each service's role may use the rows of its own schema; nobody else may do anything there. */
export const grantRights = async (db: Kysely<unknown>, schema: SchemaName): Promise<void> => {
  const it = sql.id(schema);
  const role = sql.id(serviceRoles[schema]);
  await sql`
    revoke all on schema ${it} from public;
    revoke all on all tables in schema ${it} from public;
    revoke all on all functions in schema ${it} from public;
    grant usage on schema ${it} to ${role};
    grant select, insert, update, delete on all tables in schema ${it} to ${role};
    grant usage, select on all sequences in schema ${it} to ${role};
    grant execute on all functions in schema ${it} to ${role};
  `.execute(db);
  if (schema === 'partner') await sql`grant usage on schema ${it} to ${sql.id(operatorRole)}`.execute(db);
  // What a migration lets operators call is for them alone: a service must not be able to make keys.
  const forOperators = await sql<{ statement: string }>`
    select format('revoke execute on function %s from %I', oid::regprocedure, ${serviceRoles[schema]}::text) as statement
    from pg_proc
    where pronamespace = ${schema}::regnamespace and has_function_privilege(${operatorRole}, oid, 'execute')
  `.execute(db);
  for (const { statement } of forOperators.rows) await sql.raw(statement).execute(db);
};

/**
 * Lets roles log in, with passwords: the local stack, the tests, and whoever deploys.
 *
 * @param options.url a connection that may alter roles
 */
export const provisionRoles = async (options: {
  readonly url: string;
  readonly passwords: Readonly<Partial<Record<SchemaName | 'operator', string>>>;
}): Promise<void> => {
  await withOwner(options.url, async (db) => {
    for (const [name, password] of Object.entries(options.passwords)) {
      const schema = schemaNames.find((each) => each === name);
      const role = schema ? serviceRoles[schema] : operatorRole;
      await sql`alter role ${sql.id(role)} login password ${sql.lit(password)}`.execute(db);
    }
  });
};
