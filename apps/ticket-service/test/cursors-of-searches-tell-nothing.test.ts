import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSearchCursors, type SearchCursor } from '../src/domain/search/search-cursor.ts';

const SECRET = 'a-secret-of-enough-length-for-tests-of-searches';
const cursors = createSearchCursors([SECRET]);
const OURS = randomUUID();

const numbers = fc.integer({ min: 0, max: 999_999_999_999_999 });
const position = fc.record({
  createdAt: fc.integer({ min: 0, max: 4_000_000_000_000 }).map((ms) => new Date(ms)),
  id: fc.uuid(),
});
const hit = fc.record({ rank: fc.integer({ min: 0, max: 999_999_999 }), number: numbers });
const newest = fc.record({
  span: fc.constant('newest' as const),
  top: position,
  bottom: fc.option(position),
  after: hit,
});
const older = fc
  .record({ bottom: position, below: numbers, begun: fc.option(fc.record({ from: numbers, after: hit })) })
  .map(({ bottom, below, begun }) => ({
    span: 'older' as const,
    bottom,
    below,
    from: begun?.from ?? null,
    after: begun?.after ?? null,
  }));
const anyCursor: fc.Arbitrary<SearchCursor> = fc.oneof(newest, older);

const refused = expect.objectContaining({ code: 'INVALID_PARAMETER' });
const refusalOf = (cursor: string, tokenId: string | undefined, by = cursors): unknown => {
  try {
    return by.open(cursor, tokenId);
  } catch (error) {
    return error;
  }
};

it('what was sealed opens again, and all cursors look alike', () => {
  const lengths = new Set<number>();
  fc.assert(
    fc.property(anyCursor, fc.option(fc.constant(OURS), { nil: undefined }), (cursor, tokenId) => {
      const sealed = cursors.seal(cursor, tokenId);
      // What the contract takes.
      expect(sealed).toMatch(/^[A-Za-z0-9_-]{1,500}$/);
      lengths.add(sealed.length);
      expect(cursors.open(sealed, tokenId)).toEqual(cursor);
    }),
  );
  expect([...lengths]).toEqual([228]);
});

const SOME: SearchCursor = {
  span: 'older',
  bottom: { createdAt: new Date(0), id: randomUUID() },
  below: 123_456_768,
  from: null,
  after: null,
};

it('numbers of tickets are not in it, and the same place is another cursor each time', () => {
  const sealed = cursors.seal(SOME, OURS);
  const decoded = sealed.split('_').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
  for (const text of [sealed, Buffer.from(sealed, 'base64url').toString('latin1'), ...decoded]) {
    expect(text).not.toContain('123456768');
  }
  expect(cursors.seal(SOME, OURS)).not.toBe(sealed);
});

it('a cursor that was spoiled anywhere is refused', () => {
  const sealed = cursors.seal(SOME, OURS);
  for (let at = 0; at < sealed.length; at += 1) {
    const other = sealed[at] === 'A' ? 'B' : 'A';
    expect(refusalOf(sealed.slice(0, at) + other + sealed.slice(at + 1), OURS)).toEqual(refused);
    expect(refusalOf(sealed.slice(0, at), OURS)).toEqual(refused);
  }
});

it('a cursor is good for the tickets that it was made for alone', () => {
  const sealed = cursors.seal(SOME, OURS);
  expect(refusalOf(sealed, randomUUID())).toEqual(refused);
  expect(refusalOf(sealed, undefined)).toEqual(refused);
  expect(refusalOf(cursors.seal(SOME, undefined), OURS)).toEqual(refused);
});

it('a cursor in plain text is refused', () => {
  const plain = `o~0.${randomUUID()}~2048~`;
  expect(refusalOf(Buffer.from(plain).toString('base64url'), OURS)).toEqual(refused);
});

it('while the secret is changed, cursors of before still open; afterwards they are refused', () => {
  const sealed = cursors.seal(SOME, OURS);
  const secret = 'the-next-secret-of-enough-length-for-tests';
  expect(createSearchCursors([secret, SECRET]).open(sealed, OURS)).toEqual(SOME);
  expect(refusalOf(sealed, OURS, createSearchCursors([secret]))).toEqual(refused);
});
