import { type CallStatus, type CallType, errors, type listCallLogsQuery } from '@switchboard/contracts';
import type { z } from 'zod';
import { isUuid } from '../calls/accounts.ts';

/** Which calls of an account are meant; null is any. */
export interface LogFilter {
  readonly accountId: string;
  readonly callId: string | null;
  /** Contained in the name, in whatever case. */
  readonly name: string | null;
  readonly digits: string | null;
  readonly status: CallStatus | null;
  readonly callType: CallType | null;
  readonly from: Date | null;
  /** Up to but without. */
  readonly to: Date | null;
}

interface TimeRange {
  readonly from: Date | null;
  readonly to: Date | null;
}

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const OFFSET = /(z|[+-]\d{2}:?\d{2})$/i;

const readTime = (field: string, text: string): Date => {
  const at = new Date(DAY.test(text) || OFFSET.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at.getTime())) throw errors.invalidParameter([{ field, message: 'must be a time' }]);
  return at;
};

/** Days and times as people mean them: both ends are in the range, days are those of UTC, and so is a time without offset. */
export const readTimeRange = (query: {
  readonly startDate?: string | undefined;
  readonly endDate?: string | undefined;
}): TimeRange => {
  const { startDate, endDate } = query;
  const from = startDate === undefined ? null : readTime('startDate', startDate);
  const last = endDate === undefined ? null : readTime('endDate', endDate);
  // Times are kept to the millisecond.
  const step = endDate !== undefined && DAY.test(endDate) ? DAY_MS : 1;
  const to = last && new Date(last.getTime() + step);
  if (from !== null && to !== null && from >= to) {
    throw errors.invalidParameter([{ field: 'endDate', message: 'must not be before startDate' }]);
  }
  return { from, to };
};

/** Null: no call can be meant. */
export const readLogFilter = (
  accountId: string,
  query: z.output<typeof listCallLogsQuery>,
): LogFilter | null => {
  const { callId, customerName, ani, status, callType } = query;
  if (callId !== undefined && !isUuid(callId)) return null;
  return {
    accountId,
    callId: callId ?? null,
    name: customerName || null,
    digits: ani === undefined ? null : ani.replace(/\D/g, ''),
    status: status ?? null,
    callType: callType ?? null,
    ...readTimeRange(query),
  };
};
