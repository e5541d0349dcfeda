/**
 * A value as text for a json or jsonb column. Postgres cannot store U+0000 in jsonb and would refuse the whole
 * statement, so it is left out: no text that people write has one.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, each) =>
    typeof each === 'string' && each.includes('\0') ? each.replaceAll('\0', '') : each,
  );
