import type { ChangeData, TicketChangeType, ticketHistoryTypes } from '@switchboard/contracts';
import type { Schemas, Tools } from '@switchboard/db';
import type { Insertable, Selectable } from 'kysely';
import type { Deps } from '../../deps.ts';

/**
 * TERMINOLOGY — *ticket*: what somebody wants to have done. It is *of* the token that opened it, or of none. *Change*: one
 * thing that happened to it, a row of its history. *Outside*: what may be known to its token: such a change has a sequence,
 * and goes into the feed and to webhooks. *Inside*: the rest, such as internal notes and who has it in hand. *Clock*: how
 * long a promise has left.
 */
export type Ticket = Omit<Selectable<Schemas['tickets']['tickets']>, 'sla_next_due_at'>;
export type NewTicket = Insertable<Schemas['tickets']['tickets']>;

/** Who does something. Its name is told inside alone, but that of a token. */
export interface Actor {
  readonly kind: 'token' | 'staff' | 'service';
  readonly id: string;
  readonly name: string | null;
}

export type HistoryType = (typeof ticketHistoryTypes)[number];

/** What the history says of a change beside its type. */
export interface ChangeDetails {
  readonly changes?: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  readonly comment_id?: string;
  readonly attachment_id?: string;
}

/** What a change is to the outside; the ticket as it is since is added. */
export interface OutsideChange {
  readonly type: TicketChangeType;
  readonly data: Omit<ChangeData, 'ticket'>;
}

export interface Change {
  /** As it is since. */
  readonly ticket: Ticket;
  readonly type: HistoryType;
  readonly actor: Actor;
  readonly details: ChangeDetails;
  /** Null: it stays inside. */
  readonly outside: OutsideChange | null;
  readonly at: Date;
}

/** Whatever changes tickets needs these. */
export type TicketDeps = Pick<Deps, 'config' | 'data' | 'sla' | 'feeds'>;

export interface TicketTools extends Tools<'tickets'> {
  /** Tokens whose feed has more once the transaction is committed. */
  readonly touchedTokens: Set<string>;
}
