import type { Bus } from '@switchboard/bus';
import type { callRpcs } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { socketPath } from './issue-ticket.ts';
import { tellUse } from './tell-use.ts';
import { countUse, findTicket } from './ticket-repository.ts';

type Question = z.output<typeof callRpcs.redeemTicket.request>;
type Verdict = z.input<typeof callRpcs.redeemTicket.reply>;

/** Whether a ticket opens the socket at a path. A yes is one use of it, and ends the connection of the use before. */
export const redeemTicket = async (
  { data, bus }: { readonly data: Data; readonly bus: Pick<Bus, 'publishNow'> },
  { ticket_hash, path }: Question,
): Promise<Verdict> => {
  const ticket = await findTicket(data.db, ticket_hash);
  if (!ticket) return { ok: false, reason: 'unknown_ticket' };
  const { id, call_id, account_id } = ticket;
  if (path !== socketPath(call_id)) return { ok: false, reason: 'other_resource' };
  const use = await countUse(data.db, id, data.clock.now());
  if (use === undefined) return { ok: false, reason: 'expired' };
  tellUse(bus, call_id, id, use);
  return {
    ok: true,
    principal: {
      kind: 'ticket',
      ticket_id: id,
      resource: { type: 'call', id: call_id },
      owner_id: account_id,
      use,
    },
  };
};
