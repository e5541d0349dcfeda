import {
  AppError,
  type CreateTicketInput,
  createTicketBody,
  errors,
  type IntegrationTokenPrincipal,
  renderError,
  ticketRoutes,
} from '@switchboard/contracts';
import type { IdempotentAnswer } from '@switchboard/db';
import { faultMessage, faultOfJson, toFieldFaults } from '@switchboard/service-kit';
import type { z } from 'zod';
import { actorOf, runOnce } from '../access/run-once.ts';
import { changeTickets } from './change-ticket.ts';
import { openTickets } from './open-tickets.ts';
import { ticketView } from './ticket-answer.ts';
import type { TicketDeps } from './types.ts';

const one = ticketRoutes.createTicket;
const many = ticketRoutes.createTickets;
type OneAnswer = z.output<(typeof one.responses)[201]['schema']>;
type ManyAnswer = z.output<(typeof many.responses)[200]['schema']>;
type Result = ManyAnswer['results'][number];

/** Null is as good as left out: a request that says the one is the same as one that does the other. */
const withoutNulls = (input: object) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined));
const asRequested = (given: unknown): unknown =>
  typeof given === 'object' && given !== null && !Array.isArray(given) ? withoutNulls(given) : given;

/** Opens a ticket of a token. Throws DUPLICATE_REQUEST. */
export const createTicket = (
  deps: TicketDeps,
  principal: IntegrationTokenPrincipal,
  input: CreateTicketInput,
  key: string | undefined,
): Promise<IdempotentAnswer<OneAnswer>> =>
  changeTickets(deps, (tools) => {
    const actor = actorOf(principal);
    const once = {
      actor,
      routeId: one.id,
      key,
      request: withoutNulls(input),
      status: 201,
      schema: one.responses[201].schema,
    };
    return runOnce(deps.data, tools, once, async () => {
      const [ticket] = await openTickets(deps, tools, {
        tokenId: principal.token_id,
        source: principal.token_name,
        actor,
        inputs: [input],
      });
      if (!ticket) throw new AppError('INTERNAL_ERROR');
      return { ticket: ticketView(ticket) };
    });
  });

/** One of a batch, or what is wrong with it, in the words in which it would be refused by itself. */
const readOne = (given: unknown): CreateTicketInput | Extract<Result, { status: 400 }> => {
  const unfit = faultOfJson(given);
  const parsed = createTicketBody.safeParse(given, { error: faultMessage, reportInput: true });
  if (!unfit && parsed.success) return parsed.data;
  const error = unfit ?? errors.invalidInput(toFieldFaults(parsed.error as z.ZodError, 'ticket'));
  // The tickets dialect says no time.
  const body = renderError('tickets', error, new Date(0)) as Extract<Result, { status: 400 }>['error'];
  return { status: 400, error: body };
};

const isFault = (
  read: CreateTicketInput | Extract<Result, { status: 400 }>,
): read is Extract<Result, { status: 400 }> => 'status' in read && 'error' in read;

/** Opens those of many tickets that are well, together. Throws DUPLICATE_REQUEST. */
export const createTickets = (
  deps: TicketDeps,
  principal: IntegrationTokenPrincipal,
  given: readonly unknown[],
  key: string | undefined,
): Promise<IdempotentAnswer<ManyAnswer>> => {
  const read = given.map(readOne);
  const inputs = read.filter((each): each is CreateTicketInput => !isFault(each));
  return changeTickets(deps, (tools) => {
    const actor = actorOf(principal);
    const once = {
      actor,
      routeId: many.id,
      key,
      request: given.map(asRequested),
      status: 200,
      schema: many.responses[200].schema,
    };
    return runOnce(deps.data, tools, once, async () => {
      const opened = await openTickets(deps, tools, {
        tokenId: principal.token_id,
        source: principal.token_name,
        actor,
        inputs,
      });
      const next = opened.values();
      const results = read.map((each): Result => {
        if (isFault(each)) return each;
        const ticket = next.next().value;
        if (!ticket) throw new AppError('INTERNAL_ERROR');
        return { status: 201, ticket: ticketView(ticket) };
      });
      return { results };
    });
  });
};
