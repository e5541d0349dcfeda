import type { callRpcs } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { renewTickets } from '../tickets/renew-tickets.ts';
import { isCallTopic } from './accounts.ts';

type Question = z.output<typeof callRpcs.sync.request>;
type Answer = z.input<typeof callRpcs.sync.reply>;

/** How far calls are, those that there are; tickets of living connections are renewed. */
export const syncCalls = async (data: Data, { ids, tickets }: Question): Promise<Answer> => {
  await renewTickets(data, tickets);
  const known = ids.filter(isCallTopic);
  if (known.length === 0) return { topics: [] };
  const found = await sql<{ id: string; last_sequence: number; is_final: boolean }>`
    SELECT id, last_sequence, ended_at IS NOT NULL AS is_final FROM calls.calls
    WHERE id = ANY(${known}::uuid[])`.execute(data.db);
  return { topics: found.rows };
};
