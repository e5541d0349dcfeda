import { redeemTicketRpc } from '../credentials/tickets.ts';
import { realtimeRpcs } from '../realtime.ts';

const realtime = realtimeRpcs('call-service', 'calls');

export const callRpcs = {
  /** `rpc.call.redeem_ticket`, as the gateway asks it of whichever service made a ticket. */
  redeemTicket: redeemTicketRpc('call-service'),
  follow: realtime.follow,
  sync: realtime.sync,
  command: realtime.command,
  commandAny: realtime.fallback,
};
