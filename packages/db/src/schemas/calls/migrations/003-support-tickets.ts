import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * Which support tickets were opened about a call (spec: tickets). The tickets themselves are ticket-service's; not to be
 * confused with call_tickets, which open a call's socket.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE calls.call_support_tickets (
      ticket_id uuid PRIMARY KEY,
      call_id uuid NOT NULL REFERENCES calls.calls (id) ON DELETE CASCADE,
      -- The id of a key or a user.
      opened_by text NOT NULL,
      created_at timestamptz(3) NOT NULL
    );
    CREATE INDEX call_support_tickets_call ON calls.call_support_tickets (call_id, created_at, ticket_id);
  `.execute(trx);
});
