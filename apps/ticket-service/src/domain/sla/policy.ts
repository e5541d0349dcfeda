import type { TicketPriority } from '@switchboard/contracts';

/** Business time: the hours in which clocks run. */
export interface Calendar {
  /** The moment at which so much business time has passed since `from`. */
  add(from: Date, ms: number): Date;
  /** How much business time is between two moments; 0 when `to` is not after `from`. */
  between(from: Date, to: Date): number;
}

export interface SlaTargets {
  /** Null: nothing is promised. */
  readonly firstResponseMs: number | null;
  readonly resolutionMs: number | null;
}

export interface SlaPolicy {
  readonly calendar: Calendar;
  readonly targets: Readonly<Record<TicketPriority, SlaTargets>>;
}
