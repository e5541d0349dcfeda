import type { Position } from '@switchboard/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../database.ts';
import { TICKET_COLUMNS } from '../tickets/ticket-repository.ts';
import type { Ticket } from '../tickets/types.ts';
import type { TicketFilter } from './ticket-filter.ts';

export type Condition = RawBuilder<unknown>;
export const allOf = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` AND `);

/** The narrowest index that a filter has, and what is left to look at in each of its rows. */
export interface Walk {
  /** One stretch of one index, newest first. */
  readonly along: readonly Condition[];
  readonly passes: readonly Condition[];
  /** What the index begins with, which newest first comes after, so that this index alone can serve the order. */
  readonly first: Condition | null;
}

const BREACHED = sql`(first_response_breached_at IS NOT NULL OR resolution_breached_at IS NOT NULL)`;

/**
 * How to walk through the tickets of a filter. One condition chooses the index, the others are looked at on its rows: every
 * further index costs each ticket that is opened.
 *
 * The planner has no say: it takes tickets of a status for spread evenly, walks through all of them instead, newest first,
 * and reads half a million where those of that status are old. An array of one value is no constant to it, so the order
 * that begins with this column is one that no other index has.
 */
export const walkOf = (filter: TicketFilter): Walk => {
  const { status, priority, category, createdAfter, createdBefore, assigneeId, tokenId, callId } = filter;
  const conditions = {
    call: callId === undefined ? null : sql`call_id = ANY(ARRAY[${callId}]::uuid[])`,
    assignee:
      assigneeId === undefined || assigneeId === 'none'
        ? null
        : sql`assignee_id = ANY(ARRAY[${assigneeId}]::uuid[])`,
    breached: filter.slaBreached === true ? BREACHED : null,
    token: tokenId === undefined ? null : sql`token_id = ANY(ARRAY[${tokenId}]::uuid[])`,
    status: status === undefined ? null : sql`status = ANY(ARRAY[${status}]::text[])`,
    nobody: assigneeId === 'none' ? sql`assignee_id IS NULL` : null,
    priority: priority === undefined ? null : sql`priority = ${priority}`,
    category: category === undefined ? null : sql`category = ${category}`,
  };
  type Name = keyof typeof conditions;
  const indexes: readonly { readonly names: readonly Name[]; readonly column: Condition }[] = [
    { names: ['call'], column: sql`call_id` },
    { names: ['status', 'token'], column: sql`status` },
    { names: ['assignee'], column: sql`assignee_id` },
    { names: ['breached'], column: BREACHED },
    { names: ['token'], column: sql`token_id` },
    { names: ['status'], column: sql`status` },
  ];
  const index = indexes.find(({ names }) => names.every((name) => conditions[name] !== null));
  // The second column of an index has to be a constant, or its order is lost.
  const both = index?.names.length === 2 ? { ...conditions, token: sql`token_id = ${tokenId}` } : conditions;
  const given = (Object.keys(both) as Name[]).flatMap((name) => {
    const condition = both[name];
    return condition === null ? [] : [{ condition, isChosen: index?.names.includes(name) === true }];
  });
  return {
    along: [
      ...given.filter(({ isChosen }) => isChosen).map(({ condition }) => condition),
      ...(createdAfter ? [sql`created_at > ${createdAfter}`] : []),
      ...(createdBefore ? [sql`created_at < ${createdBefore}`] : []),
    ],
    passes: given.filter(({ isChosen }) => !isChosen).map(({ condition }) => condition),
    first: index?.column ?? null,
  };
};

/** Newest first, in words that the index of a walk alone can serve. */
export const orderOf = ({ first }: Pick<Walk, 'first'>): Condition =>
  first ? sql`ORDER BY ${first}, created_at DESC, id DESC` : sql`ORDER BY created_at DESC, id DESC`;

/** Behind a position of a list. The first half says nothing new; it keeps an index scan from beginning at the top. */
export const behind = ({ createdAt, id }: Position): Condition =>
  sql`created_at <= ${createdAt} AND (created_at, id) < (${createdAt}, ${id})`;

export interface ListedTickets {
  readonly tickets: readonly Ticket[];
  /** Where looking ended, when there may be more behind it that nobody looked at. */
  readonly end: Position | null;
}

type ListedRow = Ticket & { readonly passes: boolean };

/**
 * Tickets newest first, up to `limit`, of the next `examined` on the way: a filter that almost nothing passes costs no more
 * than one that everything does.
 */
export const listNewest = async (
  executor: Executor,
  walk: Walk,
  page: { readonly after: Position | null; readonly limit: number; readonly examined: number },
): Promise<ListedTickets> => {
  const where = allOf([...walk.along, ...(page.after ? [behind(page.after)] : [])]);
  if (walk.passes.length === 0) {
    const columns = sql.join(TICKET_COLUMNS.map((column) => sql.ref(column)));
    const found = await sql<Ticket>`
      SELECT ${columns} FROM tickets.tickets WHERE ${where} ${orderOf(walk)} LIMIT ${page.limit}`.execute(
      executor,
    );
    return { tickets: found.rows, end: null };
  }
  // Those that are looked at are looked at in the index, where it has what is asked; whole tickets are read of the page alone.
  // The last one that is looked at comes along whether it passes or not: it says where the next page goes on.
  const columns = sql.join(TICKET_COLUMNS.map((column) => sql.ref(`t.${column}`)));
  const walked = walk.first ?? sql`true`;
  const order = sql`ORDER BY ${walk.first ? sql`first, ` : sql``}created_at DESC, id DESC`;
  const found = await sql<ListedRow>`
    WITH page AS MATERIALIZED (
      SELECT id, passes FROM (
        SELECT id, created_at, ${walked} AS first, (${allOf(walk.passes)}) IS TRUE AS passes,
          row_number() OVER (${orderOf(walk)}) AS place
        FROM tickets.tickets WHERE ${where} ${orderOf(walk)} LIMIT ${page.examined}
      ) AS examined
      WHERE passes OR place = ${page.examined} ${order} LIMIT ${page.limit}
    )
    SELECT ${columns}, page.passes FROM page JOIN tickets.tickets t ON t.id = page.id
    ORDER BY t.created_at DESC, t.id DESC`.execute(executor);
  const tickets = found.rows.filter((row) => row.passes);
  const last = found.rows.at(-1);
  // One more column than a ticket has: it does no harm, and a copy of each would.
  if (!last || last.passes) return { tickets, end: null };
  return { tickets, end: { createdAt: last.created_at, id: last.id } };
};

/** Tickets by their ids, in the order of these. */
export const readTickets = async (executor: Executor, ids: readonly string[]): Promise<readonly Ticket[]> => {
  if (ids.length === 0) return [];
  const found = await executor.selectFrom('tickets').select(TICKET_COLUMNS).where('id', 'in', ids).execute();
  const byId = new Map(found.map((ticket) => [ticket.id, ticket]));
  return ids.flatMap((id) => byId.get(id) ?? []);
};
