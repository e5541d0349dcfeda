import { partnerEvents } from '@switchboard/contracts';
import { remindOfExpiry } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data } from '../database.ts';
import { ownerOf } from './owner.ts';

const keys = {
  table: 'partner.partner_api_keys',
  name: 'partner_name',
  owner: 'created_by',
  isLive: sql`is_active`,
  ownerOf,
};

/** Says of keys that they end soon, 30, 7 and 1 days before. Gives how many. */
export const remindExpiring = (data: Data, signal?: AbortSignal): Promise<number> =>
  remindOfExpiry(data, partnerEvents.keyExpiring, keys, signal);
