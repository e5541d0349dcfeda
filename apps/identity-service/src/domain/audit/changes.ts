import { isDeepStrictEqual } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;

/** The fields that differ, as they were and as they are; null when nothing does. */
export const changesBetween = (
  before: Fields,
  after: Fields,
): { readonly before: Record<string, unknown>; readonly after: Record<string, unknown> } | null => {
  const changed = Object.keys(after).filter((field) => !isDeepStrictEqual(before[field], after[field]));
  if (changed.length === 0) return null;
  const pick = (fields: Fields) => Object.fromEntries(changed.map((field) => [field, fields[field]]));
  return { before: pick(before), after: pick(after) };
};
