import type { Bus, Responder } from '@switchboard/bus';
import { AppError, ticketRpcs } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { verifyToken } from '../domain/tokens/verify-token.ts';
import { countHour } from '../domain/usage/usage-repository.ts';

/** Whoever asks learns that another try may help, where it may. */
const answering = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await work();
  } catch (error) {
    if (isTransientDatabaseError(error)) throw new AppError('SERVICE_UNAVAILABLE', { cause: error });
    throw error;
  }
};

/** Answers what the gateway asks over NATS: is a token good, and what did it use of its hour. */
export const startResponders = (
  bus: Pick<Bus, 'respond'>,
  { data }: Pick<Deps, 'data'>,
): readonly Responder[] => [
  bus.respond(ticketRpcs.verifyToken, (question) => answering(() => verifyToken(data.db, question, data))),
  bus.respond(ticketRpcs.hourUsage, ({ token_id, hour_started_at }) =>
    answering(async () => ({ counted: await countHour(data.db, token_id, new Date(hour_started_at)) })),
  ),
];
