import { backoffMs, createEnvelope, pause } from '@switchboard/bus';
import { type EventContract, eventSubject, eventType } from '@switchboard/contracts';
import { type IsolationLevel, type QueryExecutorProvider, sql, type Transaction } from 'kysely';
import type { z } from 'zod';
import type { DataContext } from './context.ts';
import type { SchemaName, Schemas } from './schemas/index.ts';
import { isRetryableTransactionError } from './transient.ts';

export interface EmitOptions {
  /** Of a partitioned event: the service it is for. */
  readonly partition?: string;
  /** Default: the trace that is running. */
  readonly traceparent?: string;
}

/**
 * Emits an event with the transaction: it is published if, and only if, the transaction commits. Gives the event's
 * id. Throws when the data does not fit the contract, is too large, or another service owns the event.
 */
export type Emit = <Data extends z.ZodType>(
  event: EventContract<Data>,
  data: z.input<Data>,
  options?: EmitOptions,
) => string;

export interface Tools<Name extends SchemaName> {
  readonly trx: Transaction<Schemas[Name]>;
  readonly emit: Emit;
}

export interface TransactOptions {
  readonly isolationLevel?: IsolationLevel;
  /** The trace that emitted events belong to, where none is running. */
  readonly traceparent?: string | undefined;
}

interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly type: string;
  readonly data: string;
  readonly traceparent: string | null;
  readonly createdAt: Date;
}

const TRIES_MAX = 5;
const ROWS_PER_INSERT = 500;

const insertOutbox = async (trx: QueryExecutorProvider, rows: readonly OutboxRow[]) => {
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    const some = rows.slice(from, from + ROWS_PER_INSERT);
    // A column is one parameter: 43 µs of CPU a row, on both sides together, in place of 56 with six parameters a row.
    await sql`
      insert into outbox (id, subject, type, data, traceparent, created_at)
      select * from unnest(
        ${some.map((row) => row.id)}::uuid[], ${some.map((row) => row.subject)}::text[],
        ${some.map((row) => row.type)}::text[], ${some.map((row) => row.data)}::json[],
        ${some.map((row) => row.traceparent)}::text[], ${some.map((row) => row.createdAt)}::timestamptz[]
      )`.execute(trx);
  }
};

/** One try: the rows to emit are collected and written last, in one statement. */
const attempt = <Name extends SchemaName, Result>(
  ctx: DataContext<Name>,
  work: (tools: Tools<Name>) => Promise<Result>,
  options: TransactOptions,
): Promise<{ result: Result; emitted: number }> => {
  const rows: OutboxRow[] = [];
  let open = true;
  const emit: Emit = (event, data, { partition, traceparent } = {}) => {
    if (!open)
      throw new Error(
        `${event.name} was emitted after its transaction ended: await everything inside transact`,
      );
    if (event.producer !== 'any' && event.producer !== ctx.source) {
      throw new TypeError(`${event.name} is emitted by ${event.producer}, not by ${ctx.source}`);
    }
    const time = ctx.clock.now();
    const trace = traceparent ?? ctx.trace.current() ?? options.traceparent;
    const envelope = createEnvelope({
      event,
      data,
      id: ctx.ids.next(),
      source: ctx.source,
      time,
      traceparent: trace,
    });
    rows.push({
      id: envelope.id,
      subject: eventSubject(event, partition),
      type: eventType(event),
      data: JSON.stringify(envelope.data),
      traceparent: trace ?? null,
      createdAt: time,
    });
    return envelope.id;
  };
  let transaction = ctx.db.transaction();
  if (options.isolationLevel) transaction = transaction.setIsolationLevel(options.isolationLevel);
  return transaction.execute(async (trx) => {
    try {
      const result = await work({ trx, emit });
      await insertOutbox(trx, rows);
      return { result, emitted: rows.length };
    } finally {
      open = false;
    }
  });
};

/**
 * Runs `work` in one Postgres transaction. What it emits is committed with it and published right after. The only
 * way to emit. After a deadlock or a serialization failure `work` runs again, so it must have no effects outside
 * the transaction.
 */
export const transact = async <Name extends SchemaName, Result>(
  ctx: DataContext<Name>,
  work: (tools: Tools<Name>) => Promise<Result>,
  options: TransactOptions = {},
): Promise<Result> => {
  for (let tries = 1; ; tries += 1) {
    try {
      const { result, emitted } = await attempt(ctx, work, options);
      if (emitted > 0) ctx.wakeRelay();
      return result;
    } catch (error) {
      if (tries >= TRIES_MAX || !isRetryableTransactionError(error)) throw error;
      await pause(backoffMs(tries, { firstMs: 10, maxMs: 200 }));
    }
  }
};
