import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/**
 * How far the tickets about calls are, as ticket-service says it (spec: tickets). Beside call_support_tickets and not in it:
 * what is said of a ticket is kept also where it comes before the call has it. A ticket of which nothing was said is open.
 */
export const migration = defineMigration(async (trx) => {
  await sql`
    CREATE TABLE calls.call_support_ticket_states (
      call_id uuid NOT NULL REFERENCES calls.calls (id) ON DELETE CASCADE,
      ticket_id uuid NOT NULL,
      status text NOT NULL CHECK (status IN ('open', 'in_progress', 'waiting', 'resolved', 'closed')),
      -- Of the ticket, by the clock of ticket-service.
      updated_at timestamptz(3) NOT NULL,
      PRIMARY KEY (call_id, ticket_id)
    );
  `.execute(trx);
});
