import { type Options, readWholeNumber, textOption } from './command.ts';

const PAGE = 100;

/** `--limit`, default 100. */
export const readLimit = (options: Options): number =>
  readWholeNumber(textOption(options, 'limit') ?? '100', '--limit', 1);

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next_cursor: string | null;
}

/** The newest rows of a list, page after page, until there are enough. */
export const readPages = async <Row>(
  limit: number,
  readPage: (query: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Row>>,
): Promise<Row[]> => {
  const rows: Row[] = [];
  let cursor: string | undefined;
  while (rows.length < limit) {
    const page = await readPage({
      limit: Math.min(PAGE, limit - rows.length),
      ...(cursor === undefined ? {} : { cursor }),
    });
    rows.push(...page.rows);
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return rows;
};
