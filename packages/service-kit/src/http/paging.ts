import { errors } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *position*: where a row stands in a list that is ordered newest first, ties by id. *Cursor*: the
 * position of the last row of a page, as callers carry it.
 */
export interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

const POSITION = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export const encodeCursor = ({ createdAt, id }: Position): string =>
  Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');

/** Reads a cursor; null without one. Throws INVALID_PARAMETER for what no answer of ours contained. */
export const decodeCursor = (cursor: string | undefined): Position | null => {
  if (cursor === undefined) return null;
  const [, unixMs, id] = POSITION.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (!unixMs || !id) {
    throw errors.invalidParameter([
      { field: 'cursor', message: 'must be a next_cursor of an earlier answer' },
    ]);
  }
  return { createdAt: new Date(Number(unixMs)), id };
};

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}

/** The page of rows that were asked for with one more than `limit`: the surplus one says that there is a next page. */
export const toPage = <Row>(
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Position,
): Page<Row> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { rows: shown, nextCursor: hasMore ? encodeCursor(positionOf(last)) : null };
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a path parameter can be an id at all; what cannot is simply not found. */
export const isUuid = (text: string): boolean => UUID.test(text);
