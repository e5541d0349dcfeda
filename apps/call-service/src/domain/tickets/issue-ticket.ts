import { callRoutes, generateKey, hashKey, keyPrefixes } from '@switchboard/contracts';
import type { Data, Executor } from '../database.ts';
import { keepTicket } from './ticket-repository.ts';

/**
 * TERMINOLOGY — *ticket*: what opens the socket of one call, in its address, because browsers cannot send headers there.
 * Good for ten minutes, and as long as a connection that it opened lives and five minutes more. It may be used again, to
 * reconnect; that ends the connection of the use before.
 */
export const TICKET_SECONDS = 600;

export const ticketEnd = (now: Date): Date => new Date(now.getTime() + TICKET_SECONDS * 1000);

/** The path of a call's socket, at the gateway. */
export const socketPath = (callId: string): string => callRoutes.follow.path.replace(':callId', callId);

/** The address of a call's socket as a browser takes it: absolute, under PUBLIC_URL, `wss:` where that is `https:`. */
export const socketUrl = (publicUrl: string, callId: string, ticket: string): string =>
  `${publicUrl.replace(/^http/, 'ws')}${socketPath(callId)}?ticket=${ticket}`;

export interface IssuedTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

/** Makes a ticket for a call; the table keeps its hash alone. */
export const issueTicket = async (
  { clock, ids }: Pick<Data, 'clock' | 'ids'>,
  executor: Executor,
  callId: string,
): Promise<IssuedTicket> => {
  const ticket = generateKey(keyPrefixes.ticket);
  return { ticket, expiresAt: await renewIssued({ clock, ids }, executor, callId, ticket) };
};

/** The same for a ticket that somebody has already: good for ten minutes from now, even if it had been forgotten. */
export const renewIssued = async (
  { clock, ids }: Pick<Data, 'clock' | 'ids'>,
  executor: Executor,
  callId: string,
  ticket: string,
): Promise<Date> => {
  const now = clock.now();
  const expiresAt = ticketEnd(now);
  await keepTicket(executor, {
    id: ids.next(),
    call_id: callId,
    ticket_hash: hashKey(ticket),
    created_at: now,
    expires_at: expiresAt,
  });
  return expiresAt;
};
