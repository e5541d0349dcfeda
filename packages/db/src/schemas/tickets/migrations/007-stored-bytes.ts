import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * What is kept for a token, so that none fills the disk of all: its tickets as they were after each change, and their files.
 * In the row that every change of the token writes anyway.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    ALTER TABLE tickets.token_feeds ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0 CHECK (stored_bytes >= 0);
    UPDATE tickets.token_feeds AS feed SET stored_bytes = kept.bytes
    FROM (
      SELECT token_id, sum(bytes) AS bytes
      FROM (
        SELECT token_id, octet_length(data::text) AS bytes FROM tickets.ticket_changes
        WHERE token_id IS NOT NULL AND data IS NOT NULL
        UNION ALL
        SELECT t.token_id, a.size_bytes
        FROM tickets.ticket_attachments a JOIN tickets.tickets t ON t.id = a.ticket_id
        WHERE a.status = 'stored' AND t.token_id IS NOT NULL
      ) AS parts
      GROUP BY token_id
    ) AS kept
    WHERE kept.token_id = feed.token_id;
  `.execute(trx);
});
