import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/** Whoever is refused again and again fills no disk: one row stands for many such requests, and the figures have all of them. */
export const migration = defineMigration(async (trx) => {
  await sql`
    ALTER TABLE tickets.integration_token_usage
      -- How many more requests like it the row stands for.
      ADD COLUMN repeated integer NOT NULL DEFAULT 0,
      -- Not checked for the rows that are there, which have 0: that would read the whole log while nobody can write.
      ADD CONSTRAINT integration_token_usage_repeated_check CHECK (repeated >= 0) NOT VALID;
  `.execute(trx);
});
