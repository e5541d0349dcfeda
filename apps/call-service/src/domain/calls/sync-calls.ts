import type { callRpcs } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { renewTickets } from '../tickets/renew-tickets.ts';
import { isCallTopic } from './accounts.ts';
import { readProgress } from './call-repository.ts';

type Question = z.output<typeof callRpcs.sync.request>;
type Answer = z.input<typeof callRpcs.sync.reply>;

/** How far calls are, those that there are; tickets of living connections are renewed. */
export const syncCalls = async (data: Data, { ids, tickets }: Question): Promise<Answer> => {
  await renewTickets(data, tickets);
  return { topics: [...(await readProgress(data.db, ids.filter(isCallTopic)))] };
};
