import type { Position } from '@switchboard/service-kit';
import type { Executor } from '../database.ts';
import type { Hit, SearchCursor, SearchCursors } from './search-cursor.ts';
import {
  type Block,
  type FoundTicket,
  findHighestNumber,
  LARGE_BLOCK_BITS,
  readWords,
  SMALL_BLOCK_BITS,
  searchNewest,
  searchOlder,
  type Words,
} from './search-repository.ts';
import type { TicketFilter } from './ticket-filter.ts';
import { readTickets, walkOf } from './ticket-list-repository.ts';

export interface SearchSizes {
  /** Tickets of the first span, which are looked through one by one. */
  readonly newest: number;
  /** Tickets with the words that a deeper span holds; no fewer than a small block. */
  readonly examined: number;
  /** Blocks that are asked in one statement, once those before were quick. */
  readonly blocks: number;
  /** Statements of a page. */
  readonly statements: number;
  /** No further statement of a page begins later than that; one that took a quarter of it makes the next no larger. */
  readonly pageMs: number;
}
/**
 * Two words that are each in every tenth ticket and never together take the index some 10 ms in a large block and find
 * nothing: how far a page looks is a matter of time, and the next one goes on there.
 */
export const SEARCH_SIZES: SearchSizes = {
  newest: 1_000,
  examined: 2_048,
  blocks: 64,
  statements: 16,
  pageMs: 40,
};

const WORDS_MAX = 10;

/**
 * The blocks below a number, newest first: small ones to where a large one ends, then large ones. `bits` of small alone: as
 * many small ones as a large one has.
 */
const blocksBelow = (below: number, count: number, onlySmall: boolean): readonly Block[] => {
  const small = 2 ** SMALL_BLOCK_BITS;
  const large = 2 ** LARGE_BLOCK_BITS;
  const size = onlySmall || below % large !== 0 ? small : large;
  const bits = size === small ? SMALL_BLOCK_BITS : LARGE_BLOCK_BITS;
  const floor = size === small ? Math.floor((below - 1) / large) * large : 0;
  const blocks: Block[] = [];
  for (let at = below; at > floor && blocks.length < count; at -= size) {
    blocks.push({ bits, block: Math.floor((at - size) / size) });
  }
  return blocks;
};
const bottomOf = ({ bits, block }: Block): number => block * 2 ** bits;

/** Where to go on: a page is full behind `found`. */
const pageEnd = (found: readonly FoundTicket[], limit: number): Hit | null =>
  found.length > limit ? (found[limit - 1] ?? null) : null;

export interface SearchRequest {
  readonly filter: TicketFilter;
  readonly q: string;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

type Older = Extract<SearchCursor, { span: 'older' }>;

const searchDeeper = async (
  executor: Executor,
  { filter, limit }: { readonly filter: TicketFilter; readonly limit: number },
  { whole }: Words,
  begin: Older,
  sizes: SearchSizes,
): Promise<{ readonly ids: readonly string[]; readonly next: Older | null }> => {
  const { along, passes } = walkOf(filter);
  const conditions = [...along, ...passes];
  const ids: string[] = [];
  let { below, from, after } = begin;
  let onlySmall = from !== null && (below - from) % 2 ** LARGE_BLOCK_BITS !== 0;
  const startedMs = performance.now();
  let count = 1;
  let elapsedMs = 0;
  for (let asked = 0; below > 0 && asked < sizes.statements && elapsedMs < sizes.pageMs; asked += 1) {
    const begun = from;
    const all = blocksBelow(below, begun === null ? count : sizes.blocks, onlySmall);
    // A span that was begun is the same on its next page.
    const blocks = begun === null ? all : all.filter((block) => bottomOf(block) >= begun);
    const { found, looked } = await searchOlder(
      executor,
      filter.tokenId,
      conditions,
      whole,
      { blocks, bottom: begin.bottom, examined: begun === null ? sizes.examined : 4 * sizes.examined },
      { after, limit: limit - ids.length + 1 },
    );
    const tookMs = performance.now() - startedMs - elapsedMs;
    elapsedMs += tookMs;
    if (begun === null && tookMs < sizes.pageMs / 4) count = Math.min(2 * count, sizes.blocks);
    const last = blocks[looked - 1];
    if (last === undefined) {
      // Of a large block too many have the words: it is taken apart.
      onlySmall = true;
      count = Math.min(8, sizes.blocks);
      continue;
    }
    const end = pageEnd(found, limit - ids.length);
    ids.push(...found.slice(0, limit - ids.length).map(({ id }) => id));
    const bottom = bottomOf(last);
    if (end) return { ids, next: { ...begin, below, from: bottom, after: end } };
    // A large block is thirty-two small ones: how quick these were says little of it.
    if (bottom % 2 ** LARGE_BLOCK_BITS === 0 && last.bits === SMALL_BLOCK_BITS) count = 1;
    below = bottom;
    from = null;
    after = null;
    onlySmall = false;
    if (ids.length === limit) break;
  }
  return { ids, next: below > 0 ? { ...begin, below, from: null, after: null } : null };
};

/** The first number above every ticket at which a small block ends. */
const beginOlder = async (executor: Executor, bottom: Position): Promise<Older> => {
  const highest = await findHighestNumber(executor);
  const size = 2 ** SMALL_BLOCK_BITS;
  return { span: 'older', bottom, below: (Math.floor(highest / size) + 1) * size, from: null, after: null };
};

/**
 * Tickets with all the words of a text, by how well they fit and then by age: the newest are ranked first among themselves,
 * then, span by span, what is older. What a page costs is bounded whatever the words and however many tickets there are; it
 * may be short and still have a next one.
 *
 * @throws INVALID_PARAMETER for a cursor that no page had
 */
export const searchTickets = async (
  executor: Executor,
  cursors: SearchCursors,
  request: SearchRequest,
  sizes: SearchSizes = SEARCH_SIZES,
) => {
  const { filter, q, limit } = request;
  const cursor = cursors.open(request.cursor, filter.tokenId);
  const typed = q.split(/\s+/u).slice(0, WORDS_MAX).join(' ');
  const words = await readWords(executor, typed);
  const nothing = { tickets: [], nextCursor: null };
  if (words === null) return nothing;
  const ids: string[] = [];
  let older = cursor?.span === 'older' ? cursor : null;
  let next: SearchCursor | null = null;
  if (older === null) {
    const bounds = cursor?.span === 'newest' ? cursor : null;
    const span = await searchNewest(
      executor,
      walkOf(filter),
      words,
      // Numbers that were given before but committed later come in between: they push nothing out of a span that was begun.
      { size: bounds ? 2 * sizes.newest : sizes.newest, bounds },
      { after: bounds?.after ?? null, limit: limit + 1 },
    );
    const top = bounds?.top ?? span.top;
    if (top === null) return nothing;
    const bottom = bounds ? bounds.bottom : span.bottom;
    const end = pageEnd(span.found, limit);
    ids.push(...span.found.slice(0, limit).map(({ id }) => id));
    if (end) next = { span: 'newest', top, bottom, after: end };
    else if (bottom) older = await beginOlder(executor, bottom);
  }
  if (older && ids.length < limit) {
    const deeper = await searchDeeper(executor, { filter, limit: limit - ids.length }, words, older, sizes);
    ids.push(...deeper.ids);
    next = deeper.next;
  } else if (older) next = older;
  return {
    tickets: await readTickets(executor, ids),
    nextCursor: next && cursors.seal(next, filter.tokenId),
  };
};
