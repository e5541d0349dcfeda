import type { LogRow } from './log-file.ts';

/** What one request takes (callAdminRoutes.importCalls), with room to spare. */
const CALLS_MAX = 500;
const BYTES_MAX = 4 * 1024 * 1024;
const VALUES_MAX = 100_000;

interface Batch {
  readonly rows: readonly LogRow[];
}

const countValues = (value: unknown): number =>
  typeof value !== 'object' || value === null
    ? 1
    : Object.values(value).reduce((sum: number, child) => sum + countValues(child), 1);

/** Rows in batches of which each fits into a request. */
export const batchesOf = async function* (
  rows: AsyncIterable<LogRow> | Iterable<LogRow>,
): AsyncGenerator<Batch> {
  let batch: LogRow[] = [];
  let bytes = 0;
  let values = 0;
  for await (const row of rows) {
    const moreBytes = Buffer.byteLength(JSON.stringify(row.call));
    const moreValues = countValues(row.call);
    const isFull =
      batch.length === CALLS_MAX || bytes + moreBytes > BYTES_MAX || values + moreValues > VALUES_MAX;
    if (isFull && batch.length > 0) {
      yield { rows: batch };
      batch = [];
      bytes = 0;
      values = 0;
    }
    batch.push(row);
    bytes += moreBytes;
    values += moreValues;
  }
  if (batch.length > 0) yield { rows: batch };
};
