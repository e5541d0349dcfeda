import type { TicketPriority } from '@switchboard/contracts';
import { toJson } from '@switchboard/db';
import { clocksFrom } from '../sla/clocks.ts';
import { recordChanges } from './record-changes.ts';
import { insertTickets } from './ticket-repository.ts';
import type { Actor, Ticket, TicketDeps, TicketTools } from './types.ts';

/** What a new ticket shall be; what is null or left out gets its default. */
export interface TicketInput {
  readonly title: string;
  readonly description?: string | null | undefined;
  readonly priority?: TicketPriority | null | undefined;
  readonly category?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface OpenRequest {
  /** Whose tickets they are; null: nobody's outside. */
  readonly tokenId: string | null;
  readonly source: string;
  readonly callId?: string | null;
  readonly actor: Actor;
  readonly inputs: readonly TicketInput[];
  /** Of each, where somebody chose them: one that is there already is not opened again. */
  readonly ids?: readonly string[];
}

/** Opens tickets, in one statement for a hundred as for one. Gives those that are new, in their order. */
export const openTickets = async (
  deps: Pick<TicketDeps, 'config' | 'data' | 'sla'>,
  tools: TicketTools,
  { tokenId, source, callId = null, actor, inputs, ids }: OpenRequest,
): Promise<readonly Ticket[]> => {
  const { data, sla } = deps;
  const now = data.clock.now();
  // Lists go by id where times are the same: those of a batch in its order.
  const newIds = inputs.map(() => data.ids.next()).toSorted();
  const rows = inputs.map((input, index) => {
    const priority = input.priority ?? 'medium';
    const begun = {
      status: 'open',
      priority,
      first_responded_at: null,
      first_response_breached_at: null,
      resolution_breached_at: null,
    } as const;
    return {
      // As Postgres gives it back.
      id: ids?.[index]?.toLowerCase() ?? (newIds[index] as string),
      token_id: tokenId,
      integration_source: source,
      call_id: callId,
      title: input.title,
      // Empty is as good as none.
      description: input.description || null,
      category: input.category || null,
      metadata: toJson(input.metadata ?? {}),
      created_at: now,
      updated_at: now,
      ...begun,
      ...clocksFrom(sla, { ...begun, sla_running_since: null, sla_used_ms: 0 }, now),
    };
  });
  const opened = await insertTickets(tools.trx, rows);
  const byId = new Map(opened.map((ticket) => [ticket.id, ticket]));
  const tickets = rows.flatMap(({ id }) => byId.get(id) ?? []);
  await recordChanges(
    deps,
    tools,
    tickets.map((ticket) => ({
      ticket,
      type: 'created' as const,
      actor,
      details: {},
      outside: { type: 'ticket.created' as const, data: {} },
      at: now,
    })),
  );
  return tickets;
};
