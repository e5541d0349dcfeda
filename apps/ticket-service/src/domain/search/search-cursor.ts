import { errors } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';

/** The ticket behind which a page goes on, among those of its span: the best first, then the newest. */
export interface Hit {
  readonly rank: number;
  readonly number: number;
}

/**
 * TERMINOLOGY — *span*: tickets that are ranked among each other. The first holds the newest tickets, from `top` to
 * `bottom`; each further one a stretch of the numbers below. Later ones come after, however well they fit.
 */
export type SearchCursor =
  | { readonly span: 'newest'; readonly top: Position; readonly bottom: Position | null; readonly after: Hit }
  | {
      readonly span: 'older';
      readonly bottom: Position;
      /** Numbers below it are looked through. */
      readonly below: number;
      /** Down to it, where a page goes on in a span that was begun. */
      readonly from: number | null;
      readonly after: Hit | null;
    };

const POSITION = '(\\d{1,15})\\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const NEWEST = new RegExp(`^n~${POSITION}~(?:${POSITION})?~(\\d{1,9})\\.(\\d{1,15})$`);
const OLDER = new RegExp(`^o~${POSITION}~(\\d{1,15})~(?:(\\d{1,15})\\.(\\d{1,9})\\.(\\d{1,15}))?$`);

const positionText = ({ createdAt, id }: Position): string => `${createdAt.getTime()}.${id}`;
const positionOf = (unixMs: string, id: string): Position => ({ createdAt: new Date(Number(unixMs)), id });

export const encodeSearchCursor = (cursor: SearchCursor): string => {
  const { after } = cursor;
  const text =
    cursor.span === 'newest'
      ? `n~${positionText(cursor.top)}~${cursor.bottom ? positionText(cursor.bottom) : ''}~${after?.rank}.${after?.number}`
      : `o~${positionText(cursor.bottom)}~${cursor.below}~${after ? `${cursor.from ?? 0}.${after.rank}.${after.number}` : ''}`;
  return Buffer.from(text).toString('base64url');
};

/** Reads a cursor; null without one. Throws INVALID_PARAMETER for what no answer of ours contained. */
export const decodeSearchCursor = (cursor: string | undefined): SearchCursor | null => {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const newest = NEWEST.exec(text);
  if (newest) {
    const [, topMs = '', topId = '', bottomMs, bottomId, rank, number] = newest;
    return {
      span: 'newest',
      top: positionOf(topMs, topId),
      bottom: bottomMs && bottomId ? positionOf(bottomMs, bottomId) : null,
      after: { rank: Number(rank), number: Number(number) },
    };
  }
  const older = OLDER.exec(text);
  if (!older) {
    throw errors.invalidParameter([
      { field: 'cursor', message: 'must be a next_cursor of an earlier answer' },
    ]);
  }
  const [, bottomMs = '', bottomId = '', below, from, rank, number] = older;
  return {
    span: 'older',
    bottom: positionOf(bottomMs, bottomId),
    below: Number(below),
    from: from === undefined ? null : Number(from),
    after: from === undefined ? null : { rank: Number(rank), number: Number(number) },
  };
};
