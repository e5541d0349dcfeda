import pg from 'pg';

const INT8 = 20;
const DATE = 1082;
const TIMESTAMP_WITHOUT_ZONE = 1114;

/** A count or a size as a number; beyond 2^53 as text, which is better than a wrong number. */
const parseInt8 = (text: string): number | string => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
};

const asText = (text: string): string => text;

const parsers = new Map<number, (text: string) => unknown>([
  [INT8, parseInt8],
  // The driver would read these in the time zone of the process.
  [DATE, asText],
  [TIMESTAMP_WITHOUT_ZONE, asText],
]);

/** How columns are read; only for our own connections, not for the whole process. */
export const columnParsers: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? pg.types.getTypeParser(oid, format),
};
