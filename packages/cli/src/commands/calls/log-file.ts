import { open } from 'node:fs/promises';
import { OperatorError } from '../../command.ts';
import { openCsv } from './csv-file.ts';
import type { SentCall } from './legacy-row.ts';
import { openSqlite } from './sqlite-file.ts';

/** The log of an earlier deployment. */
export interface LogFile {
  /** Where its calls are, and which column is what. */
  readonly description: string;
  /** Its calls one after another, each with where it stands in the file. */
  readonly rows: AsyncIterable<LogRow> | Iterable<LogRow>;
  close(): void;
}

export interface LogRow {
  /** `line 7`, `row 7`. */
  readonly place: string;
  readonly call: SentCall;
}

const SQLITE = Buffer.from('SQLite format 3\0');
const BEGINNING_BYTES = 64 * 1024;

const readBeginning = async (path: string): Promise<Buffer> => {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new OperatorError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
};

/** A SQLite database or a CSV file, whatever its name is. Throws OperatorError for what is neither. */
export const openLog = async (path: string, table: string | undefined): Promise<LogFile> => {
  const beginning = await readBeginning(path);
  if (beginning.length === 0) throw new OperatorError(`${path} is empty.`);
  if (beginning.subarray(0, SQLITE.length).equals(SQLITE)) return openSqlite(path, table);
  if (beginning.includes(0)) {
    throw new OperatorError(
      `${path} is neither a SQLite database nor a CSV file in UTF-8. Export the calls as CSV (UTF-8) and import that.`,
    );
  }
  if (table !== undefined)
    throw new OperatorError('--table is for SQLite databases; a CSV file is one table.');
  return openCsv(path, beginning.toString('utf8'));
};
