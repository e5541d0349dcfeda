/** NUL and lone surrogates cannot be stored in Postgres; no engine or provider has a reason to say them. */
export const storable = (text: string): string => text.replaceAll('\u0000', '').toWellFormed();
