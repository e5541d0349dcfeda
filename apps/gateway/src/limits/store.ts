import type { LimitGroupName } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *window*: begins with the first request counted in it and lasts a fixed time, or ends at :00 of the
 * clock's hour; the next one begins with the first request after its end. *Take*: count one request in all windows, if
 * there is room in all of them, else in none.
 */
export interface QuotaWindow {
  readonly limit: number;
  readonly lengthMs: number;
  readonly clockHour: boolean;
}

/** What one caller may do in one group. Two quotas of the same group and caller have the same windows, maybe with other limits. */
export interface Quota {
  readonly group: LimitGroupName;
  /** Who it is; no secret and nobody's e-mail address. */
  readonly caller: string;
  readonly windows: readonly QuotaWindow[];
}

export interface WindowCount {
  /** Requests counted in it, with this one when it was taken. Above the limit when that was lowered meanwhile. */
  readonly count: number;
  readonly leftMs: number;
}

export interface Taken {
  readonly taken: boolean;
  /** In the order of the quota's windows. */
  readonly counts: readonly WindowCount[];
}

/** Both may answer at once: a promise per request costs more than the count. */
export interface LimitStore {
  take(quota: Quota): Taken | Promise<Taken>;
  /** What `take` would find, without counting. */
  look(quota: Quota): Taken | Promise<Taken>;
}

/** When a window that begins now ends. */
export const windowEndMs = ({ lengthMs, clockHour }: QuotaWindow, nowMs: number): number =>
  // Epoch time has no leap seconds: whole hours of it are the clock's hours of UTC.
  clockHour ? nowMs - (nowMs % lengthMs) + lengthMs : nowMs + lengthMs;
