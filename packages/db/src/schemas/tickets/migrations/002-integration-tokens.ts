import { sql } from 'kysely';
import { defineMigration } from '../../../migrate/migration.ts';

/** Tokens of outside systems and what they used (spec: tickets, "Tokens"; the names are the guide's). */
export const migration = defineMigration((trx) =>
  sql`
    CREATE TABLE tickets.integration_tokens (
      id uuid PRIMARY KEY,
      name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200)
    );
  `.execute(trx),
);
