import { ticketEvents } from '@switchboard/contracts';
import { remindOfExpiry } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data } from '../database.ts';

const tokens = {
  table: 'tickets.integration_tokens',
  name: 'name',
  owner: 'owner_user_id',
  isLive: sql`status = 'active'`,
};

/** Says of tokens that they end soon, 30, 7 and 1 days before. Gives how many. */
export const remindExpiring = (data: Data, signal?: AbortSignal): Promise<number> =>
  remindOfExpiry(data, ticketEvents.tokenExpiring, tokens, signal);
