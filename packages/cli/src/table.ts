// What a terminal obeys rather than shows, and what turns the direction of writing round.
const OBEYED = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Words of others, such as a ticket's, for a terminal: nothing in them moves the cursor, sets a colour or hides what comes
 * next. Lines stay lines.
 */
export const harmless = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(OBEYED, (character) =>
      character === '\t' ? ' ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );

const inOneLine = (text: string): string => harmless(text).replaceAll('\n', ' ');

/** Lines of others below each other, further right than any line of ours begins: none can look like one. */
export const indented = (text: string, columns: number): string =>
  harmless(text).replaceAll('\n', `\n${' '.repeat(columns)}`);

/** Rows under their headings, in columns that line up; no colours and no lines, so that it can be cut and grepped. */
export const renderTable = (headings: readonly string[], given: readonly (readonly string[])[]): string => {
  const rows = given.map((row) => row.map(inOneLine));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map(line).join('\n');
};

/** Names and values below each other. */
export const renderFields = (fields: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `  ${name.padEnd(width)}  ${indented(value, width + 4)}`).join('\n');
};

export const renderJson = (value: unknown): string => JSON.stringify(value, null, 2);

/** A time to the minute, as tables show it. */
export const renderMinute = (at: string | null, otherwise: string): string =>
  at === null ? otherwise : at.slice(0, 16).replace('T', ' ');

/** Until when the secret before the last one works, and whether somebody still comes with it. */
export const renderOldSecret = (until: string | null, lastUsedAt: string | null): string => {
  if (until === null) return 'none';
  const used = lastUsedAt === null ? '' : `, last used ${renderMinute(lastUsedAt, '')}`;
  return `works until ${until}${used}`;
};
