import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * The words of tickets, to find them by.
 *
 * A table of its own: a ticket changes its status far more often than its text, and every version of a row puts all its words
 * into the index again. Triggers keep it, so that no way of writing a ticket forgets it.
 *
 * Beside the words there are lexemes that no text can make, for they begin with a control character: whose ticket it is, and
 * in which block of two thousand and of sixty-five thousand tickets it is. The index meets them with the words that are
 * looked for, so a word that every ticket has costs a block and not the table.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE tickets.ticket_search (
      -- That of the ticket.
      number bigint PRIMARY KEY,
      ticket_id uuid NOT NULL REFERENCES tickets.tickets (id),
      search tsvector NOT NULL
    );
    -- No fastupdate: what is pending is read by every search from its beginning to its end.
    CREATE INDEX ticket_search_words ON tickets.ticket_search USING gin (search) WITH (fastupdate = off);

    CREATE FUNCTION tickets.search_of(ticket tickets.tickets) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT setweight(to_tsvector('pg_catalog.simple', ticket.title), 'A')
        || setweight(to_tsvector('pg_catalog.simple', coalesce(ticket.category, '')), 'B')
        || setweight(to_tsvector('pg_catalog.simple', left(coalesce(ticket.description, ''), 10000)), 'C')
        || array_to_tsvector(
          ARRAY[chr(1) || 's' || (ticket.number >> 11), chr(1) || 'b' || (ticket.number >> 16)]
            || CASE WHEN ticket.token_id IS NULL THEN '{}'::text[] ELSE ARRAY[chr(1) || 't' || ticket.token_id] END)
    $$;

    CREATE FUNCTION tickets.keep_search() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO tickets.ticket_search (number, ticket_id, search)
      VALUES (NEW.number, NEW.id, tickets.search_of(NEW))
      ON CONFLICT (number) DO UPDATE SET search = excluded.search;
      RETURN NULL;
    END $$;
    CREATE TRIGGER keep_search_of_new AFTER INSERT ON tickets.tickets
      FOR EACH ROW EXECUTE FUNCTION tickets.keep_search();
    CREATE TRIGGER keep_search_of_changed AFTER UPDATE OF title, category, description ON tickets.tickets
      FOR EACH ROW WHEN ((OLD.title, OLD.category, OLD.description) IS DISTINCT FROM (NEW.title, NEW.category, NEW.description))
      EXECUTE FUNCTION tickets.keep_search();
    INSERT INTO tickets.ticket_search SELECT t.number, t.id, tickets.search_of(t) FROM tickets.tickets t;
  `.execute(trx);

  // How well a word that may be misspelt fits a title, of 1. Without pg_trgm nothing misspelt is found.
  await sql`
    DO $migration$
    DECLARE
      trigrams text;
    BEGIN
      SELECT n.nspname INTO trigrams
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      EXECUTE format(
        'CREATE FUNCTION tickets.title_likeness(wanted text, title text) RETURNS real
         LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s',
        CASE WHEN trigrams IS NULL THEN '0::real' ELSE format('%I.word_similarity(wanted, title)', trigrams) END);
    END $migration$;
  `.execute(trx);
});
