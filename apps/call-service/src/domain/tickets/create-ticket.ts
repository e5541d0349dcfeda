import type { createCallTicketAnswer, Principal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { accountOf } from '../calls/accounts.ts';
import { findCall } from '../calls/call-repository.ts';
import { issueTicket, socketUrl } from './issue-ticket.ts';

/** Another address of a call's socket, also after its end: what happened can still be read there. Throws CALL_NOT_FOUND. */
export const createTicket = async (
  { data, config }: Pick<Deps, 'data' | 'config'>,
  principal: Principal,
  id: string,
): Promise<z.input<typeof createCallTicketAnswer>> => {
  const call = await findCall(data.db, accountOf(principal), id);
  const { ticket, expiresAt } = await issueTicket(data, data.db, call.id);
  return {
    success: true,
    data: {
      wsUrl: socketUrl(config.edge.publicUrl, call.id, ticket),
      expiresAt: expiresAt.toISOString(),
    },
  };
};
