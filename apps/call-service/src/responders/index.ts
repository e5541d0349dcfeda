import type { Bus, Responder } from '@switchboard/bus';
import { AppError, callRpcs } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { followCall } from '../domain/calls/follow-call.ts';
import { syncCalls } from '../domain/calls/sync-calls.ts';
import { redeemTicket } from '../domain/tickets/redeem-ticket.ts';
import { commandAny } from './command-any.ts';

/** Whoever asks learns that another try may help, where it may. */
const answering = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (isTransientDatabaseError(error)) throw new AppError('DATABASE_ERROR', { cause: error });
    throw error;
  }
};

/** Answers what gateways ask over NATS: tickets, what happened, how far, and commands that nobody has in hand. */
export const startResponders = (
  bus: Pick<Bus, 'respond' | 'publishNow'>,
  { data, sessions }: Pick<Deps, 'data' | 'sessions'>,
): readonly Responder[] => [
  bus.respond(callRpcs.redeemTicket, (question) => answering(() => redeemTicket({ data, bus }, question))),
  bus.respond(callRpcs.follow, (question) => answering(() => followCall({ data, bus }, question))),
  bus.respond(callRpcs.sync, (question) => answering(() => syncCalls(data, question))),
  bus.respond(callRpcs.commandAny, (question) => answering(() => commandAny({ data, sessions }, question))),
];
