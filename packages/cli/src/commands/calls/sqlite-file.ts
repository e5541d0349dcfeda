import { DatabaseSync } from 'node:sqlite';
import { OperatorError } from '../../command.ts';
import { type Columns, describeColumns, findColumns, missingColumns } from './columns.ts';
import { readRow } from './legacy-row.ts';
import type { LogFile, LogRow } from './log-file.ts';

const PREFERRED = ['call_logs', 'calllogs', 'call_log', 'calls'];
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

interface Table {
  readonly name: string;
  readonly columns: Columns;
}

const readTables = (database: DatabaseSync): Table[] =>
  database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .all()
    .map(({ name }) => String(name))
    .map((name) => ({
      name,
      columns: findColumns(
        database
          .prepare('SELECT name FROM pragma_table_info(?)')
          .all(name)
          .map((column) => String(column.name)),
      ),
    }));

const rankOf = ({ name }: Table): number => {
  const rank = PREFERRED.indexOf(name.toLowerCase());
  return rank < 0 ? PREFERRED.length : rank;
};

/** The table with the calls: the one that is named, else the one that has what a log needs. */
const chooseTable = (path: string, tables: readonly Table[], wanted: string | undefined): Table => {
  const names =
    tables
      .map(({ name }) => name)
      .join(', ')
      .slice(0, 500) || 'none';
  if (wanted !== undefined) {
    const table = tables.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
    if (!table) throw new OperatorError(`${path} has no table ${wanted}. It has: ${names}.`);
    const missing = missingColumns(table.columns);
    if (missing.length > 0)
      throw new OperatorError(`The table ${table.name} has no column for ${missing.join(', ')}.`);
    return table;
  }
  const [best, second] = tables
    .filter(({ columns }) => missingColumns(columns).length === 0)
    .sort((one, other) => rankOf(one) - rankOf(other) || other.columns.size - one.columns.size);
  if (!best) {
    throw new OperatorError(
      `${path} has no table of calls: one with columns for callId, startTime, and ani or customerName. Its tables: ${names}.`,
    );
  }
  if (second && rankOf(best) === PREFERRED.length && second.columns.size === best.columns.size) {
    throw new OperatorError(
      `Several tables of ${path} could have the calls (${best.name}, ${second.name}). Say which with --table <name>.`,
    );
  }
  return best;
};

const openReadOnly = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path, { readOnly: true });
  // Says now what reading would say later: a file that only begins like a database.
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
  return database;
};

export const openSqlite = (path: string, wanted: string | undefined): LogFile => {
  let database: DatabaseSync;
  try {
    database = openReadOnly(path);
  } catch (error) {
    throw new OperatorError(
      `${path} is a SQLite database that cannot be opened: ${error instanceof Error ? error.message : String(error)}. If the old service still runs, end it, or import a copy.`,
    );
  }
  const { name, columns } = chooseTable(path, readTables(database), wanted);
  const rows = function* (): Generator<LogRow> {
    const start = columns.get('startTime') ?? '';
    const statement = database.prepare(`SELECT * FROM ${quote(name)} ORDER BY ${quote(start)}`);
    // Whatever number is in it: JavaScript's end at 2^53.
    statement.setReadBigInts(true);
    let row = 0;
    for (const record of statement.iterate()) {
      row += 1;
      yield { place: `row ${row}`, call: readRow(columns, (column) => record[column]) };
    }
  };
  return {
    description: `SQLite, table ${name}: ${describeColumns(columns)}`,
    rows: rows(),
    close: () => database.close(),
  };
};
