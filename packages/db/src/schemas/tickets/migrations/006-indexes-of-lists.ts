import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Each list walks along one index, and what else it is filtered by is included in it: tickets that do not pass are left out
 * without a look at the table.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    DROP INDEX tickets.tickets_newest, tickets.tickets_newest_of_token, tickets.tickets_of_token_by_status,
      tickets.tickets_by_status, tickets.tickets_breached;
    CREATE INDEX tickets_newest ON tickets.tickets (created_at DESC, id DESC) INCLUDE (priority, category);
    CREATE INDEX tickets_newest_of_token ON tickets.tickets (token_id, created_at DESC, id DESC)
      INCLUDE (priority, category);
    CREATE INDEX tickets_of_token_by_status ON tickets.tickets (status, token_id, created_at DESC, id DESC)
      INCLUDE (priority, category);
    CREATE INDEX tickets_by_status ON tickets.tickets (status, created_at DESC, id DESC) INCLUDE (priority, category);
    -- Its first column is always true; it makes an order that no other index has.
    CREATE INDEX tickets_breached ON tickets.tickets
      ((first_response_breached_at IS NOT NULL OR resolution_breached_at IS NOT NULL), created_at DESC, id DESC)
      WHERE first_response_breached_at IS NOT NULL OR resolution_breached_at IS NOT NULL;
  `.execute(trx);
});
