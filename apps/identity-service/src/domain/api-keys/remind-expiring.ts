import { identityEvents } from '@switchboard/contracts';
import { remindOfExpiry } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data } from '../database.ts';

const keys = { table: 'identity.api_keys', name: 'name', owner: 'created_by', isLive: sql`is_active` };

/** Says of API keys that they end soon, 30, 7 and 1 days before. Gives how many. */
export const remindExpiring = (data: Data, signal?: AbortSignal): Promise<number> =>
  remindOfExpiry(data, identityEvents.apiKeyExpiring, keys, signal);
