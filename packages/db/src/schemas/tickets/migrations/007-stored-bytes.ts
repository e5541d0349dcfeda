import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What the files of a token's tickets take, so that no token fills the storage of all. A trigger counts, so that a process of
 * the last release counts too.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE tickets.token_storage (
      token_id uuid PRIMARY KEY REFERENCES tickets.integration_tokens (id),
      stored_bytes bigint NOT NULL CHECK (stored_bytes >= 0)
    ) WITH (fillfactor = 50);

    CREATE FUNCTION tickets.count_stored_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO tickets.token_storage AS storage (token_id, stored_bytes)
      SELECT t.token_id, NEW.size_bytes FROM tickets.tickets t WHERE t.id = NEW.ticket_id AND t.token_id IS NOT NULL
      ON CONFLICT (token_id) DO UPDATE SET stored_bytes = storage.stored_bytes + excluded.stored_bytes;
      RETURN NULL;
    END $$;
    -- Nothing is stored from here to the end of this transaction.
    CREATE TRIGGER count_stored_bytes AFTER UPDATE OF status ON tickets.ticket_attachments
      FOR EACH ROW WHEN (OLD.status <> 'stored' AND NEW.status = 'stored')
      EXECUTE FUNCTION tickets.count_stored_bytes();
    INSERT INTO tickets.token_storage (token_id, stored_bytes)
    SELECT t.token_id, sum(a.size_bytes)
    FROM tickets.ticket_attachments a JOIN tickets.tickets t ON t.id = a.ticket_id
    WHERE a.status = 'stored' AND t.token_id IS NOT NULL
    GROUP BY t.token_id;
  `.execute(trx);
});
