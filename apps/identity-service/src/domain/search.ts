/** A search term as a LIKE pattern for any place in the text; `%` and `_` of the caller's mean themselves. */
export const patternOf = (search: string): string => `%${escapePattern(search)}%`;

export const escapePattern = (search: string): string => search.replace(/[\\%_]/g, '\\$&');
