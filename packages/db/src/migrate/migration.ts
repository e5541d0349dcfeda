import type { Kysely } from 'kysely';

/** One forward step of a schema, run in a transaction of its own; unqualified names belong to the schema. */
export type Migration = (trx: Kysely<unknown>) => Promise<unknown>;

/** Declares a migration: `export const migration = defineMigration((trx) => sql`…`.execute(trx));` */
export const defineMigration = (migration: Migration): Migration => migration;
