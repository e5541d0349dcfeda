import { type Kysely, sql } from 'kysely';

export interface Column {
  readonly name: string;
  /** The type's own name, of an array that of its elements: `int8`, `timestamptz`. */
  readonly type: string;
  readonly isArray: boolean;
  readonly isNullable: boolean;
  readonly hasDefault: boolean;
  readonly isAlwaysGenerated: boolean;
  /** The values a CHECK or an enum allows, of text columns that have one. */
  readonly values: readonly string[] | null;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

interface Row {
  table_name: string;
  name: string;
  type: string;
  is_array: boolean;
  is_nullable: boolean;
  has_default: boolean;
  is_always_generated: boolean;
  enum_values: string[] | null;
  checks: string[] | null;
}

// `CHECK ((status = ANY (ARRAY['queued'::text, 'failed'::text])))`, how Postgres prints `status in (…)`.
const CHECKED_VALUES = /^CHECK \(\(+\(?\w+\)?(?:::text)? = ANY \(+(?:ARRAY\[)(.+)\]\)*(?:::text\[\])?\)+$/;
const LITERAL = /'((?:[^']|'')*)'(?:::[a-z ]+)?/g;

const valuesOfChecks = (checks: readonly string[] | null): string[] | null => {
  for (const check of checks ?? []) {
    const list = CHECKED_VALUES.exec(check)?.[1];
    if (list) return [...list.matchAll(LITERAL)].map(([, value = '']) => value.replaceAll("''", "'"));
  }
  return null;
};

/** The tables of a schema as the catalogue has them, but for those that only this package's helpers write. */
export const readTables = async (db: Kysely<unknown>, schema: string): Promise<Table[]> => {
  const found = await sql<Row>`
    select c.relname as table_name, a.attname as name,
      coalesce(nullif(e.typname, null), t.typname) as type,
      e.oid is not null as is_array,
      not a.attnotnull as is_nullable,
      a.atthasdef or a.attidentity <> '' as has_default,
      a.attgenerated <> '' or a.attidentity = 'a' as is_always_generated,
      (select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = coalesce(e.oid, t.oid)) as enum_values,
      (select array_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]) as checks
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_type e on t.typcategory = 'A' and e.oid = t.typelem
    where c.relnamespace = to_regnamespace(${schema}) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
      and c.relname not in ('outbox', 'inbox', 'idempotency_records')
    order by c.relname, a.attnum`.execute(db);
  const tables = new Map<string, Column[]>();
  for (const row of found.rows) {
    const columns = tables.get(row.table_name) ?? [];
    tables.set(row.table_name, columns);
    columns.push({
      name: row.name,
      type: row.type,
      isArray: row.is_array,
      isNullable: row.is_nullable,
      hasDefault: row.has_default,
      isAlwaysGenerated: row.is_always_generated,
      values: row.enum_values ?? valuesOfChecks(row.checks),
    });
  }
  return [...tables].map(([name, columns]) => ({ name, columns }));
};
