import { sql } from 'kysely';
import { OperatorError } from '../../command.ts';
import type { Environment } from '../../config.ts';
import { findWebhookSecret, type withPartnerDatabase } from '../../connections.ts';

type Executor = Parameters<Parameters<typeof withPartnerDatabase>[1]>[0];

/** Lets the SQL functions derive webhook secrets. As a parameter and for this transaction: it reaches no log. */
export const tellWebhookSecret = async (db: Executor, environment: Environment): Promise<void> => {
  const secret = await findWebhookSecret(environment);
  if (secret !== undefined)
    await sql`SELECT set_config('switchboard.webhook_secret', ${secret}, true)`.execute(db);
};

export const NO_WEBHOOK_SECRET =
  'webhook_secret is unknown: set WEBHOOK_SECRET to the value the services have, then run partner-keys rotate.';

/** The one row a function gives. */
export const onlyRow = <Row>(rows: readonly Row[]): Row => {
  const [row] = rows;
  if (!row) throw new OperatorError('The database gave no answer. Is it the version of this checkout?');
  return row;
};
