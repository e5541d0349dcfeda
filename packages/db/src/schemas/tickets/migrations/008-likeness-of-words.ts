import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * A word that may be misspelt is compared with the words of a title, and no longer with any run of its letters: `not` is half of
 * what is in the middle of `cannot login`, and is like none of its words.
 */
export const migration = defineMigration(async (trx) => {
  // Without pg_trgm, or with one of before Postgres 11 that nobody updated, nothing is alike.
  await sql`
    DO $migration$
    DECLARE
      likeness regproc;
    BEGIN
      SELECT to_regproc(format('%I.strict_word_similarity', n.nspname)) INTO likeness
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      EXECUTE format(
        'CREATE OR REPLACE FUNCTION tickets.title_likeness(wanted text, title text) RETURNS real
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s',
        CASE WHEN likeness IS NULL THEN '0::real' ELSE format('%s(wanted, title)', likeness) END);
    END $migration$;
  `.execute(trx);
});
