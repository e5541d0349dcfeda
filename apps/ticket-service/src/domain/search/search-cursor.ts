import { errors } from '@switchboard/contracts';
import { createSecretBox, type Position } from '@switchboard/service-kit';

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

const textOf = (cursor: SearchCursor): string => {
  const { after } = cursor;
  return cursor.span === 'newest'
    ? `n~${positionText(cursor.top)}~${cursor.bottom ? positionText(cursor.bottom) : ''}~${after?.rank}.${after?.number}`
    : `o~${positionText(cursor.bottom)}~${cursor.below}~${after ? `${cursor.from ?? 0}.${after.rank}.${after.number}` : ''}`;
};

const cursorOf = (text: string): SearchCursor | null => {
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
  if (!older) return null;
  const [, bottomMs = '', bottomId = '', below, from, rank, number] = older;
  return {
    span: 'older',
    bottom: positionOf(bottomMs, bottomId),
    below: Number(below),
    from: from === undefined ? null : Number(from),
    after: from === undefined ? null : { rank: Number(rank), number: Number(number) },
  };
};

/** No text is longer. All are as long: a cursor that is a character longer would tell that a number has one more digit. */
const TEXT_CHARACTERS = 134;

/** A box keeps its parts apart by dots, which no cursor has; before the last part, which is base64url, there are two. */
const cursorOfSealed = (sealed: string): string => sealed.replaceAll('.', '_');
const sealedOfCursor = (cursor: string): string => cursor.replace('_', '.').replace('_', '.');

/** Cursors as callers carry them. Sealed: the numbers in them count the tickets of everybody. */
export interface SearchCursors {
  /** @param tokenId whose tickets are searched; undefined: everybody's */
  seal(cursor: SearchCursor, tokenId: string | undefined): string;
  /** Reads a cursor; null without one. Throws INVALID_PARAMETER for what no answer to a search of these tickets contained. */
  open(cursor: string | undefined, tokenId: string | undefined): SearchCursor | null;
}

/** @param secrets of the service: the current one, and during a rotation the one before, whose cursors are still good */
export const createSearchCursors = (secrets: readonly string[]): SearchCursors => {
  const box = createSecretBox(secrets, 'cursors of ticket searches');
  const contextOf = (tokenId: string | undefined): string => tokenId ?? 'everybody';
  const read = (cursor: string, tokenId: string | undefined): SearchCursor | null => {
    try {
      return cursorOf(box.open(sealedOfCursor(cursor), contextOf(tokenId)).trimEnd());
    } catch {
      return null;
    }
  };
  return {
    seal: (cursor, tokenId) =>
      cursorOfSealed(box.seal(textOf(cursor).padEnd(TEXT_CHARACTERS), contextOf(tokenId))),
    open(cursor, tokenId) {
      if (cursor === undefined) return null;
      const opened = read(cursor, tokenId);
      if (opened) return opened;
      throw errors.invalidParameter([
        { field: 'cursor', message: 'must be a next_cursor of an earlier answer' },
      ]);
    },
  };
};
