import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { OperatorError } from '../../command.ts';
import { describeColumns, findColumns, missingColumns } from './columns.ts';
import { readRow } from './legacy-row.ts';
import type { LogFile, LogRow } from './log-file.ts';

const DELIMITERS = [',', ';', '\t', '|'] as const;
const RECORD_CHARACTERS_MAX = 4 * 1024 * 1024;

/** What divides the names of columns; spreadsheets of half the world write semicolons. */
const delimiterOf = (beginning: string): string => {
  const [line = ''] = beginning.replace(/^\uFEFF/, '').split(/\r?\n|\r/, 1);
  const bare = line.replace(/"[^"]*"/g, '');
  const counted = DELIMITERS.map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counted.reduce((best, each) => (each.count > best.count ? each : best)).delimiter;
};

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

const parseFile = async function* (path: string, delimiter: string): AsyncGenerator<Parsed> {
  const parser = createReadStream(path).pipe(
    parse({
      bom: true,
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: RECORD_CHARACTERS_MAX,
    }),
  );
  try {
    for await (const parsed of parser) yield parsed as Parsed;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new OperatorError(
      `${path} is no CSV: ${error.message}. Is a quote missing? Nothing behind that was read.`,
    );
  } finally {
    parser.destroy();
  }
};

const readNames = async (path: string, delimiter: string): Promise<string[]> => {
  for await (const { record } of parseFile(path, delimiter)) return record.map((name) => name.trim());
  throw new OperatorError(`${path} has no line with the names of its columns.`);
};

export const openCsv = async (path: string, beginning: string): Promise<LogFile> => {
  const delimiter = delimiterOf(beginning);
  const names = await readNames(path, delimiter);
  const columns = findColumns(names);
  const missing = missingColumns(columns);
  if (missing.length > 0) {
    throw new OperatorError(
      `${path} has no column for ${missing.join(', ')}. Its first line must name the columns, such as callId,customerName,ani,callType,startTime,endTime,duration,status,actions; it says: ${names.join(', ').slice(0, 300)}`,
    );
  }
  const rows = async function* (): AsyncGenerator<LogRow> {
    let isHeader = true;
    for await (const { record, info } of parseFile(path, delimiter)) {
      if (isHeader) {
        isHeader = false;
        continue;
      }
      const place = `line ${info.lines}`;
      if (record.some((value) => value.includes('\uFFFD'))) {
        throw new OperatorError(`${path}, ${place}: this is not UTF-8. Save the file as CSV in UTF-8.`);
      }
      yield { place, call: readRow(columns, (column) => record[names.indexOf(column)]) };
    }
  };
  return { description: `CSV, ${describeColumns(columns)}`, rows: rows(), close: () => undefined };
};
