import type { Deps } from '../../deps.ts';
import { type ListRequest, listTickets, type TicketPage } from './list-tickets.ts';

export interface ListInTurnRequest extends ListRequest {
  /** Who asks: a token or a user. */
  readonly owner: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

const NOTHING: TicketPage = { tickets: [], nextCursor: null };

/**
 * A page of tickets, as `listTickets` gives it; a search waits until it is its owner's turn. Whoever is gone by then gets nothing.
 *
 * @throws INVALID_PARAMETER for a cursor that no page had, RATE_LIMIT_EXCEEDED when too many searches of the owner wait
 */
export const listInTurn = async (
  { data, searchCursors, searchTurns }: Pick<Deps, 'data' | 'searchCursors' | 'searchTurns'>,
  { owner, signal, ...request }: ListInTurnRequest,
): Promise<TicketPage> => {
  const list = () => listTickets(data.db, searchCursors, request);
  if (request.q === undefined || request.q === '') return list();
  return (await searchTurns.run(owner, list, signal)) ?? NOTHING;
};
