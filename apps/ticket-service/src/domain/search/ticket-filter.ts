import type { TicketPriority, TicketStatus } from '@switchboard/contracts';

/** Which tickets are asked for; what is left out is not asked. */
export interface TicketFilter {
  readonly status?: TicketStatus | undefined;
  readonly priority?: TicketPriority | undefined;
  readonly category?: string | undefined;
  /** Later than that. */
  readonly createdAfter?: Date | undefined;
  /** Earlier than that. */
  readonly createdBefore?: Date | undefined;
  /** `none`: nobody has them in hand. */
  readonly assigneeId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly callId?: string | undefined;
  /** True: a clock of theirs ran out. */
  readonly slaBreached?: boolean | undefined;
}
