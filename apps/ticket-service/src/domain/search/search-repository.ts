import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { Hit } from './search-cursor.ts';
import { allOf, behind, type Condition, orderOf, type Walk } from './ticket-list-repository.ts';

/** How many tickets have a lexeme of their block in common, as powers of two; the trigger that keeps the words says the same. */
export const SMALL_BLOCK_BITS = 11;
export const LARGE_BLOCK_BITS = 16;

/** What is left of a query for the index: enough to tell tickets apart, and each costs a look-up in every block. */
const LEXEMES_MAX = 20;
/** Above every rank of words that were found: what is merely alike comes last. */
const FOUND = 1_000_000;
/**
 * Of all trigrams of a word that is looked for and the word of a title most like it, how many both have. A letter that is wrong in
 * the middle of a word of five leaves a third of them, as do two that changed places in one of seven; what is less is other words.
 */
const LIKENESS_MIN = 0.3;
/** With a letter changed, a word of three is another word: `can` is a third of `café`. */
const LIKENED_LETTERS_MIN = 4;
/** In words of these lengths two letters that changed places leave too few trigrams, so they are changed back, at each place. */
const SWAPPED_LETTERS_MIN = 5;
const SWAPPED_LETTERS_MAX = 6;

/** Each word that may be misspelt is compared with every title of the newest: of more words none may. */
const MISSPELT_WORDS_MAX = 3;

export interface Words {
  /** Queries of Postgres, as text. */
  readonly whole: string;
  readonly begun: string;
  /** The words that may be misspelt, and a query for each: its beginning, or in a title two of its letters in each other's place. */
  readonly likened: readonly string[];
  readonly likenedFound: readonly string[];
}

/**
 * Makes queries of what somebody typed: all its words, whole and as beginnings. Nothing in it is an operator. Null: there is
 * no word in it.
 */
export const readWords = async (executor: Executor, text: string): Promise<Words | null> => {
  const found = await sql<{ lexeme: string; quoted: string; swapped: string | null }>`
    SELECT lexeme, quoted, (
      SELECT string_agg(array_to_tsvector(ARRAY[
        overlay(lexeme PLACING substr(lexeme, place + 1, 1) || substr(lexeme, place, 1) FROM place FOR 2)])::text || ':A', ' | ')
      FROM generate_series(1, char_length(lexeme) - 1) AS place
      WHERE char_length(lexeme) BETWEEN ${SWAPPED_LETTERS_MIN} AND ${SWAPPED_LETTERS_MAX}
    ) AS swapped
    FROM (
      SELECT lexeme, array_to_tsvector(ARRAY[lexeme])::text AS quoted
      FROM unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', ${text}::text))) AS lexeme
      LIMIT ${LEXEMES_MAX}
    ) AS words`.execute(executor);
  if (found.rows.length === 0) return null;
  const quoted = found.rows.map((row) => row.quoted);
  const begun = quoted.map((each) => `${each}:*`);
  const mayBeMisspelt = quoted.length <= MISSPELT_WORDS_MAX;
  return {
    whole: quoted.join(' & '),
    begun: begun.join(' & '),
    likened: mayBeMisspelt ? found.rows.map(({ lexeme }) => lexeme) : [],
    likenedFound: mayBeMisspelt
      ? found.rows.map(({ quoted: word, swapped }) => (swapped ? `${word}:* | ${swapped}` : `${word}:*`))
      : [],
  };
};

/** Where deeper spans begin: above the number of every ticket that is there. */
export const findHighestNumber = async (executor: Executor): Promise<number> => {
  const found = await sql<{ number: number | null }>`
    SELECT max(number)::float8 AS number FROM tickets.ticket_search`.execute(executor);
  return found.rows[0]?.number ?? 0;
};

export interface FoundTicket extends Hit {
  readonly id: string;
}

type Outer<Row> = { readonly [Column in keyof Row]: Row[Column] | null };
const isFound = <Row extends Outer<FoundTicket>>(row: Row): row is Row & FoundTicket => row.id !== null;
const foundIn = (rows: readonly Outer<FoundTicket>[]): readonly FoundTicket[] =>
  rows.filter(isFound).map(({ id, rank, number }) => ({ id, rank, number }));

const afterHit = (after: Hit | null): Condition =>
  after ? sql`(rank, number) < (${after.rank}::int, ${after.number}::bigint)` : sql`true`;
const bestFirst = sql`ORDER BY rank DESC, number DESC`;

export interface NewestSpan {
  readonly found: readonly FoundTicket[];
  readonly top: Position | null;
  /** The last ticket of the span, if there may be more behind it. */
  readonly bottom: Position | null;
}

/** Looks through the newest tickets of a walk one by one: there words may be begun, or misspelt in the title. */
export const searchNewest = async (
  executor: Executor,
  walk: Walk,
  words: Words,
  span: {
    readonly size: number;
    readonly bounds: { readonly top: Position; readonly bottom: Position | null } | null;
  },
  page: { readonly after: Hit | null; readonly limit: number },
): Promise<NewestSpan> => {
  const { bounds } = span;
  const where = allOf([
    ...walk.along,
    ...(bounds ? [sql`(created_at, id) <= (${bounds.top.createdAt}, ${bounds.top.id}::uuid)`] : []),
    ...(bounds?.bottom
      ? [sql`(created_at, id) >= (${bounds.bottom.createdAt}, ${bounds.bottom.id}::uuid)`]
      : []),
  ]);
  type Row = Outer<FoundTicket> & {
    readonly size: number;
    readonly top: Date | null;
    readonly topId: string;
    readonly bottom: Date;
    readonly bottomId: string;
  };
  const found = await sql<Row>`
    WITH span AS MATERIALIZED (
      SELECT id, number, created_at, title, (${allOf(walk.passes)}) IS TRUE AS passes
      FROM tickets.tickets WHERE ${where} ${orderOf(walk)} LIMIT ${span.size}
    ), ranked AS (
      SELECT span.id, span.number::float8 AS number,
        CASE WHEN s.search @@ ${words.begun}::tsquery
          THEN ${FOUND}::int + (ts_rank(s.search, ${words.begun}::tsquery) * 100000)::int
          -- Each of the words is there, or is like one of the title: what fits least counts.
          ELSE coalesce((
            SELECT min(CASE WHEN s.search @@ w.found THEN 1000 WHEN char_length(w.word) < ${LIKENED_LETTERS_MIN} THEN 0
              ELSE tickets.title_likeness(w.word, span.title) * 1000 END)::int
            FROM unnest(${words.likened}::text[], ${words.likenedFound}::text[]::tsquery[]) AS w (word, found)
          ), 0) END AS rank
      FROM span CROSS JOIN LATERAL (SELECT search FROM tickets.ticket_search WHERE number = span.number OFFSET 0) AS s
      WHERE span.passes
    )
    SELECT ends.*, page.*
    FROM (
      SELECT count(*)::int AS size, (SELECT created_at FROM span LIMIT 1) AS top, (SELECT id FROM span LIMIT 1) AS "topId",
        (SELECT created_at FROM span OFFSET ${span.size - 1}) AS bottom,
        (SELECT id FROM span OFFSET ${span.size - 1}) AS "bottomId"
      FROM span
    ) AS ends
    LEFT JOIN LATERAL (
      SELECT id, number, rank FROM ranked
      WHERE rank >= ${LIKENESS_MIN * 1000}::int AND ${afterHit(page.after)} ${bestFirst} LIMIT ${page.limit}
    ) AS page ON true
    ORDER BY page.rank DESC, page.number DESC`.execute(executor);
  const ends = found.rows[0];
  return {
    found: foundIn(found.rows),
    top: ends?.top ? { createdAt: ends.top, id: ends.topId } : null,
    bottom: ends?.bottom ? { createdAt: ends.bottom, id: ends.bottomId } : null,
  };
};

export interface Block {
  readonly bits: number;
  /** The number of its first ticket, without these bits. */
  readonly block: number;
}

/** The query that meets the words with the scope and a block: lexemes that begin with a control character, which no text has. */
const scopeLexeme = (text: string): string => `'\u0001${text}'`;
const blockLexeme = ({ bits, block }: Block): string =>
  scopeLexeme(`${bits === SMALL_BLOCK_BITS ? 's' : 'b'}${block}`);

export interface OlderSpan {
  readonly found: readonly FoundTicket[];
  /** How many of the blocks were looked through. */
  readonly looked: number;
}

/**
 * Looks into blocks by the index, one after another, until `examined` tickets had the words: of the blocks that were looked
 * through, the best first. Words that are everywhere cost no more than that, rare ones a look-up in each block.
 */
export const searchOlder = async (
  executor: Executor,
  tokenId: string | undefined,
  conditions: readonly Condition[],
  whole: string,
  span: { readonly blocks: readonly Block[]; readonly bottom: Position; readonly examined: number },
  page: { readonly after: Hit | null; readonly limit: number },
): Promise<OlderSpan> => {
  const words = tokenId === undefined ? whole : `${whole} & ${scopeLexeme(`t${tokenId}`)}`;
  type Row = Outer<FoundTicket> & { readonly endedIn: number | null };
  const found = await sql<Row>`
    WITH met AS MATERIALIZED (
      SELECT b.place, s.* FROM unnest(${span.blocks.map(blockLexeme)}::text[]) WITH ORDINALITY AS b (lexeme, place)
      CROSS JOIN LATERAL (
        SELECT ticket_id, number::float8 AS number, (ts_rank(search, ${whole}::tsquery) * 100000)::int AS rank
        FROM tickets.ticket_search WHERE search @@ (${words}::tsquery && b.lexeme::tsquery) OFFSET 0
      ) AS s
      LIMIT ${span.examined + 1}
    ), ends AS (
      -- Null: everything was looked through. Else the block in which looking ended, of which nothing counts.
      SELECT CASE WHEN count(*) > ${span.examined} THEN max(place)::int END AS ended_in FROM met
    )
    SELECT ends.ended_in AS "endedIn", page.*
    FROM ends
    LEFT JOIN LATERAL (
      SELECT t.id, met.number, met.rank
      FROM met CROSS JOIN LATERAL (
        SELECT id FROM tickets.tickets
        WHERE id = met.ticket_id AND ${allOf([behind(span.bottom), ...conditions])} OFFSET 0
      ) AS t
      WHERE (ends.ended_in IS NULL OR met.place < ends.ended_in) AND ${afterHit(page.after)}
      ${bestFirst} LIMIT ${page.limit}
    ) AS page ON true
    ORDER BY page.rank DESC, page.number DESC`.execute(executor);
  const endedIn = found.rows[0]?.endedIn ?? null;
  return {
    found: foundIn(found.rows),
    looked: endedIn === null ? span.blocks.length : endedIn - 1,
  };
};
