import { type Log, plainTrace, type TraceHooks } from '@switchboard/bus';
import type { Clock, Ids, ServiceName } from '@switchboard/contracts';
import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import type { SchemaName, Schemas } from './schemas/index.ts';

export interface DataContextOptions<Name extends SchemaName> {
  readonly database: Database<Name>;
  /** The service: only events whose contract names it as producer can be emitted. */
  readonly source: ServiceName;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly trace?: TraceHooks;
}

/**
 * What `transact`, relay and consumers of one service share. One per process: it is also how a transaction that
 * emitted something wakes the relay.
 */
export class DataContext<Name extends SchemaName = SchemaName> {
  readonly db: Kysely<Schemas[Name]>;
  readonly source: ServiceName;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly trace: TraceHooks;
  readonly #wakeListeners = new Set<() => void>();

  constructor(options: DataContextOptions<Name>) {
    this.db = options.database.db;
    this.source = options.source;
    this.clock = options.clock;
    this.ids = options.ids;
    this.log = options.log;
    this.trace = options.trace ?? plainTrace;
  }

  /** Says that rows wait in the outbox. `transact` does it after its commit. */
  wakeRelay(): void {
    for (const listener of this.#wakeListeners) listener();
  }

  onWake(listener: () => void): () => void {
    this.#wakeListeners.add(listener);
    return () => this.#wakeListeners.delete(listener);
  }
}

export const createDataContext = <Name extends SchemaName>(
  options: DataContextOptions<Name>,
): DataContext<Name> => new DataContext(options);
