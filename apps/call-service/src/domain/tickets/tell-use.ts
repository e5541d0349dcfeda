import type { Bus } from '@switchboard/bus';
import { callsRealtime, realtimeHeaders, realtimeSubject } from '@switchboard/contracts';

/** Tells gateways which use of a ticket is the latest: connections of earlier ones are closed. */
export const tellUse = (
  bus: Pick<Bus, 'publishNow'>,
  callId: string,
  ticketId: string,
  use: number,
): void => {
  bus.publishNow(realtimeSubject(callsRealtime.kind, callId), '', {
    [realtimeHeaders.ticket]: `${ticketId} ${use}`,
  });
};
