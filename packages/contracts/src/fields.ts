import { z } from 'zod';

/** Fields that the schemas of several surfaces share. */

export const timestampSchema = z.iso.datetime().meta({ example: '2024-12-15T10:30:00.000Z' });

/** Postgres stores neither NUL nor half of a surrogate pair, and no field has a use for them. */
export const isStorable = (value: string): boolean => !value.includes('\u0000') && value.isWellFormed();

/** Words of a caller's: trimmed, not empty, bounded in characters. */
export const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .refine(isStorable, 'must be well-formed Unicode without NUL');

/** Words that are kept as they came, indentation and all; of blanks alone they are empty. */
export const wholeText = (max: number) =>
  z
    .string()
    .max(max, `must have at most ${max} characters`)
    .refine((value) => value.trim() !== '', 'must not be empty')
    .refine(isStorable, 'must be well-formed Unicode without NUL');

/**
 * A record with at most so many entries, counted before any of them is looked at: looking at a hundred thousand, and at what
 * is wrong with each, takes a process seconds in which it does nothing else.
 */
export const smallRecord = <Schema extends z.ZodType<Record<string, unknown>>>(
  schema: Schema,
  max: number,
  what: string,
) =>
  z.preprocess((value: z.input<Schema>, ctx) => {
    if (typeof value !== 'object' || value === null || Object.keys(value).length <= max) return value;
    ctx.addIssue({ code: 'custom', message: `must have at most ${max} ${what}` });
    return z.NEVER;
  }, schema);

/** Whether JSON nests at most `limit` levels. Never goes deeper than that, so no input exhausts the stack. */
const nestsAtMost = (value: unknown, limit: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (limit > 0 && Object.values(value).every((child) => nestsAtMost(child, limit - 1)));

const hasStorableStrings = (value: unknown): boolean => {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, child]) => isStorable(key) && hasStorableStrings(child));
};

/** Whoever sends an id of 64 bits as a number would get another one back. */
const hasExactNumbers = (value: unknown): boolean => {
  if (typeof value === 'number') {
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  }
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(hasExactNumbers);
};

/**
 * A free JSON object of a caller's: bounded in depth and bytes, storable in Postgres. Its values are not looked at by
 * zod's own JSON schema, which recurses as deep as the input does.
 */
export const freeObject = (bytesMax: number, depthMax = 20) =>
  z
    .record(z.string(), z.unknown())
    .refine((value) => nestsAtMost(value, depthMax), {
      message: `must nest at most ${depthMax} levels`,
      abort: true,
    })
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= bytesMax, {
      message: `must have at most ${bytesMax} bytes as JSON`,
      abort: true,
    })
    .refine(hasStorableStrings, 'must be well-formed Unicode without NUL')
    .refine(hasExactNumbers, 'must have whole numbers beyond ±(2^53 − 1) as strings: they would be rounded');

/** A whole number in a query. Digits alone: what JavaScript also takes for a number (`1e1`, `0x10`, nothing) is refused. */
const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .preprocess(
      (value) => (typeof value === 'string' && !/^-?\d+$/.test(value) ? Number.NaN : value),
      z.coerce
        .number('must be a whole number')
        .int('must be a whole number')
        .min(min, `must be at least ${min}`)
        .max(max, `must be at most ${max}`),
    )
    .default(fallback);
export const limitSchema = wholeNumber(1, 100, 50);
export const offsetSchema = wholeNumber(0, 1_000_000, 0);
export const cursorSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,500}$/, 'must be a next_cursor of an earlier answer')
  .optional();
export const nextCursorSchema = z.string().nullable();

/** Addresses and CIDR ranges from which a credential may be used; an empty list is every address. */
export const allowedIpsSchema = z
  .array(
    z.union(
      [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
      'must be an address or a network such as 10.0.0.0/8',
    ),
  )
  .max(100, 'must have at most 100 entries');

/** How long the old secret still works after a rotation: 0 ends it now. */
export const overlapSecondsSchema = z
  .int()
  .min(0)
  .max(30 * 86_400)
  .default(86_400);

/** Query of every list of the administration API: newest first. */
export const pageQuery = z.object({ limit: limitSchema, cursor: cursorSchema });
