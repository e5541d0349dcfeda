import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import { aiEvents, type Clock, createUuidV7Ids, partnerEvents, systemClock } from '@switchboard/contracts';
import { createTestDatabase, type TestDatabase, testNatsUrl } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import {
  createDatabase,
  createDataContext,
  type DataContext,
  type OutboxRelay,
  type OutboxRelayOptions,
  startOutboxRelay,
  transact,
} from '../src/index.ts';

export const { jobCancelled } = partnerEvents;
export const { analysisProgressed, analysisStarted } = aiEvents;
export const ids = createUuidV7Ids();

export type Partner = DataContext<'partner'>;

/** What one test opens and closes again. */
export const createBench = () => {
  const endings: (() => Promise<unknown>)[] = [];
  const later = (end: () => Promise<unknown>) => endings.unshift(end);

  const bench = {
    later,
    async openDatabase(): Promise<TestDatabase> {
      const database = await createTestDatabase();
      later(() => database.drop());
      return database;
    },
    /** One process of the partner service. */
    openPartner(url: string, clock: Clock = systemClock): Partner {
      const database = createDatabase({
        url,
        schema: 'partner',
        applicationName: 'test',
        log: silentLog,
        poolMax: 20,
        connectTimeoutMs: 30_000,
        statementTimeoutMs: 60_000,
      });
      later(() => database.close());
      return createDataContext({ database, source: 'partner-service', clock, ids, log: silentLog });
    },
    async openBus(url: string = testNatsUrl()): Promise<Bus> {
      const bus = await connectBus({ url, name: 'test', log: silentLog, waitForConnection: false });
      later(() => bus.close());
      return bus;
    },
    relay(ctx: Partner, options: OutboxRelayOptions): OutboxRelay {
      const relay = startOutboxRelay(ctx, options);
      later(() => relay.stop({ deadlineSeconds: 0.1 }));
      return { ...relay, flush: (flushOptions) => relay.flush({ deadlineSeconds: 45, ...flushOptions }) };
    },
    async close() {
      for (const end of endings.splice(0)) await end();
    },
  };
  return bench;
};

/** Emits one event about a new job; gives its id. */
export const cancelJob = (ctx: Partner): Promise<string> =>
  transact(ctx, async ({ emit }) => emit(jobCancelled, { job_id: ids.next() }));

/** Everything a stream got, as event ids, in order, with repetitions. */
export const listen = (bus: Bus): string[] => {
  const heard: string[] = [];
  bus.subscribe(jobCancelled, (_data, envelope) => void heard.push(envelope.id));
  return heard;
};

export const countRows = async (
  ctx: Partner,
  table: 'outbox' | 'inbox' | 'idempotency_records',
): Promise<number> => {
  const found = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(
    ctx.db,
  );
  return found.rows[0]?.count ?? -1;
};
