import { AppError, callRoutes, type Principal, ticketEvents } from '@switchboard/contracts';
import { type IdempotentAnswer, idempotent, type Tools, transact } from '@switchboard/db';
import { hashRequest } from '@switchboard/service-kit';
import type { z } from 'zod';
import { accountOf, starterOf } from '../calls/accounts.ts';
import { findCall } from '../calls/call-repository.ts';
import type { Data } from '../database.ts';
import { insertSupportTicket, lockOpenings, readSupportTickets } from './support-ticket-repository.ts';

const route = callRoutes.openSupportTicket;
const answerSchema = route.responses[202].schema;
type Input = z.output<typeof route.body>;
type Answer = z.output<typeof answerSchema>;
type Opener = Extract<Principal, { kind: 'api_key' | 'user' }>;

const TICKETS_PER_CALL_MAX = 20;

const open = async (
  data: Data,
  { trx, emit }: Tools<'calls'>,
  opener: Opener,
  id: string,
  input: Input,
): Promise<Answer> => {
  const call = await findCall(trx, accountOf(opener), id);
  await lockOpenings(trx, call.id);
  if ((await readSupportTickets(trx, call.id)).length >= TICKETS_PER_CALL_MAX) {
    throw new AppError('TOO_MANY', { message: `A call has at most ${TICKETS_PER_CALL_MAX} support tickets` });
  }
  const ticketId = data.ids.next();
  const openedBy = starterOf(opener);
  await insertSupportTicket(trx, {
    ticket_id: ticketId,
    call_id: call.id,
    opened_by: openedBy,
    created_at: data.clock.now(),
  });
  emit(ticketEvents.open, {
    ticket_id: ticketId,
    title: input.title,
    description: input.description ?? null,
    priority: input.priority ?? 'medium',
    category: input.category ?? null,
    metadata: input.metadata ?? {},
    call_id: call.id,
    requested_by: { service: 'call-service', kind: opener.kind, id: openedBy },
  });
  return { success: true, data: { ticketId, callId: call.id } };
};

/**
 * Opens a support ticket about a call, also after its end. The call knows it at once; ticket-service is told by the outbox,
 * so that the ticket is opened once, whichever process or broker is away meanwhile.
 *
 * @throws CALL_NOT_FOUND, TOO_MANY, DUPLICATE_REQUEST
 */
export const openSupportTicket = (
  data: Data,
  opener: Opener,
  id: string,
  input: Input,
  key: string | undefined,
): Promise<IdempotentAnswer<Answer>> =>
  transact(data, async (tools) => {
    const run = async () => ({ status: 202, body: await open(data, tools, opener, id, input) });
    if (key === undefined) return { replayed: false, ...(await run()) };
    return idempotent(
      {
        trx: tools.trx,
        clock: data.clock,
        scope: `${accountOf(opener)}:${route.id}`,
        key,
        requestHash: hashRequest({ callId: id.toLowerCase(), ...input }),
      },
      run,
      (stored) => answerSchema.parse(stored),
    );
  });
