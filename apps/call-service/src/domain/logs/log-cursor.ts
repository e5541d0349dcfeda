import { errors } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';

/** Where a page goes on: behind a position, and how many that match are still to be passed over. */
interface LogCursor {
  readonly after: Position | null;
  readonly skip: number;
}

/** No more is passed over than the largest offset says. */
const CURSOR = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,4}|10000)$/;

export const encodeLogCursor = ({ createdAt, id }: Position, skip = 0): string =>
  Buffer.from(`${createdAt.getTime()}.${id}.${skip}`).toString('base64url');

/** Reads a cursor; without one a list begins at its top. Throws INVALID_PARAMETER for what no answer of ours contained. */
export const decodeLogCursor = (cursor: string | undefined, offset: number): LogCursor => {
  if (cursor === undefined) return { after: null, skip: offset };
  const [, unixMs, id, skip] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const createdAt = new Date(Number(unixMs));
  if (!unixMs || !id || Number.isNaN(createdAt.getTime())) {
    throw errors.invalidParameter([
      { field: 'cursor', message: 'must be the nextCursor of an earlier answer' },
    ]);
  }
  return { after: { createdAt, id }, skip: Number(skip) };
};
