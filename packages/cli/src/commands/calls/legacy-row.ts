import type { Columns, Field } from './columns.ts';

/** A row of a log as it is sent; what is wrong with it is for the platform to say. */
export type SentCall = Partial<Record<Field, unknown>>;

const CLOCK = /^(\d{1,4}):([0-5]?\d)(?::([0-5]?\d))?$/;

const asText = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
};

/** Seconds, or `00:05:00`. */
const readDuration = (text: string): unknown => {
  const value = text.trim();
  if (value === '') return undefined;
  const [, first, second, third] = CLOCK.exec(value) ?? [];
  if (first !== undefined) {
    return third === undefined
      ? Number(first) * 60 + Number(second)
      : Number(first) * 3600 + Number(second) * 60 + Number(third);
  }
  const number = Number(value);
  return Number.isNaN(number) ? value : number;
};

const readActions = (text: string): unknown => {
  if (text.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return undefined;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((each) => (typeof each === 'string' ? { type: each } : each));
  } catch {
    return text;
  }
};

/** A row by its columns. A number and a name that are not there are empty; whatever else is not there is left out. */
export const readRow = (columns: Columns, cellOf: (column: string) => unknown): SentCall => {
  const textOf = (field: Field): string => {
    const column = columns.get(field);
    // Databases and spreadsheets have NUL where nobody would look; no text of people has one.
    return column === undefined ? '' : asText(cellOf(column)).replaceAll('\0', '').toWellFormed();
  };
  const call: SentCall = {
    callId: textOf('callId').trim(),
    customerName: textOf('customerName').trim(),
    ani: textOf('ani').trim(),
    startTime: textOf('startTime').trim(),
  };
  const optional: SentCall = {
    callType: textOf('callType').trim() || undefined,
    endTime: textOf('endTime').trim() || undefined,
    duration: readDuration(textOf('duration')),
    status: textOf('status').trim() || undefined,
    actions: readActions(textOf('actions')),
  };
  for (const [field, value] of Object.entries(optional)) {
    if (value !== undefined) call[field as Field] = value;
  }
  return call;
};
