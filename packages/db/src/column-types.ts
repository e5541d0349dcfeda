import type { ColumnType } from 'kysely';

/** What the generated table types are made of: what is read, what an insert takes, what an update takes. */

/** A column with a default: an insert may leave it out. */
export type Generated<T> =
  T extends ColumnType<infer Select, infer Insert, infer Update>
    ? ColumnType<Select, Insert | undefined, Update>
    : ColumnType<T, T | undefined, T>;

/** A column that Postgres alone fills. */
export type AlwaysGenerated<T> = ColumnType<T, never, never>;

export type Timestamp = ColumnType<Date, Date | string, Date | string>;

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/**
 * json and jsonb. Read as values, written as text (`toJson`): the driver would write an array as a Postgres array.
 */
export type Json = ColumnType<JsonValue, string, string>;

/** int8 and numeric: read as number (see `parseInt8`) and as text. */
export type Int8 = ColumnType<number, number | bigint | string, number | bigint | string>;
export type Numeric = ColumnType<string, number | string, number | string>;
