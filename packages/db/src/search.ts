/** What a caller typed, inside a LIKE pattern: its `%` and `_` mean themselves. */
export const escapePattern = (search: string): string => search.replace(/[\\%_]/g, '\\$&');

/** A search term as a LIKE pattern for any place in the text. */
export const patternOf = (search: string): string => `%${escapePattern(search)}%`;
