import type { Data } from '../database.ts';
import { ticketEnd } from './issue-ticket.ts';
import { extendTickets } from './ticket-repository.ts';

/** Not at every question of a gateway: a ticket's row is written every five minutes. */
const RENEWED_WITH_SECONDS_LEFT = 300;

/**
 * Tickets of connections that are alive stay good while the call lasts, so that a client whose line drops comes back with
 * the address it has. Also one that ended meanwhile: while Postgres was away nobody could renew it.
 */
export const renewTickets = async (
  { db, clock }: Pick<Data, 'db' | 'clock'>,
  ids: readonly string[],
): Promise<void> => {
  if (ids.length === 0) return;
  const now = clock.now();
  await extendTickets(db, ids, {
    dueBefore: new Date(now.getTime() + RENEWED_WITH_SECONDS_LEFT * 1000),
    expiresAt: ticketEnd(now),
  });
};
