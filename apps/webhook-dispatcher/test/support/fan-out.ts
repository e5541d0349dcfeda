import { silentLog } from '@switchboard/bus';
import {
  createUuidV7Ids,
  type DataOf,
  systemClock,
  webhookBody,
  type webhookEvents,
} from '@switchboard/contracts';
import { createDatabase, createDataContext, type DataContext, transact } from '@switchboard/db';
import { createTestDatabase, PATIENT_DATABASE } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { standardScheduleSeconds } from '../../src/domain/deliveries/schedule.ts';
import type { StoredDeliveries } from '../../src/domain/deliveries/types.ts';
import {
  insertEndpoint,
  markEnabled,
  type NewEndpoint,
} from '../../src/domain/endpoints/endpoint-repository.ts';
import { fanOut } from '../../src/domain/messages/fan-out.ts';
import { ids } from './deliveries.ts';

export type Message = DataOf<(typeof webhookEvents)['messagePublished']>;
type Webhooks = DataContext<'webhooks'>;

export const ownerOf = (name: string): string => `account:${name}`;

export const makeMessage = (owner: string, changes: Partial<Message> = {}): Message => {
  const message = {
    message_id: ids.next(),
    owner,
    event_type: 'ticket.created',
    environment: 'sandbox' as const,
  };
  return { ...message, body: webhookBody(message.event_type, new Date(), { number: 1.5 }), ...changes };
};

export interface StoredRow {
  readonly endpoint_id: string;
  readonly message_id: string;
  readonly sequence: number;
  readonly status: string;
  readonly due_at: Date | null;
}

/** The tables of the dispatcher, and processes that fan out into them; nothing is sent. */
export const openFanOut = async () => {
  const testDatabase = await createTestDatabase();
  const closers: (() => Promise<void>)[] = [];
  const openProcess = (): Webhooks => {
    const database = createDatabase({
      url: testDatabase.urlFor('webhooks'),
      schema: 'webhooks',
      applicationName: 'fan-out-test',
      log: silentLog,
      ...PATIENT_DATABASE,
    });
    closers.push(() => database.close());
    return createDataContext({
      database,
      source: 'webhook-dispatcher',
      clock: systemClock,
      ids: createUuidV7Ids(),
      log: silentLog,
    });
  };
  const first = openProcess();
  return {
    first,
    openProcess,
    ownerUrl: testDatabase.ownerUrl,
    async makeEndpoint(owner: string, changes: Partial<NewEndpoint> = {}): Promise<string> {
      const id = ids.next();
      await insertEndpoint(first.db, {
        id,
        owner,
        environment: 'sandbox',
        url: 'https://hooks.example.com/here',
        description: null,
        eventTypes: ['*'],
        headerNames: [],
        headersSealed: null,
        scheduleSeconds: null,
        ratePerSecond: null,
        concurrency: 20,
        createdBy: null,
        at: new Date(),
        ...changes,
      });
      return id;
    },
    enable: (endpointId: string) => markEnabled(first.db, endpointId, new Date()),
    /** As a consumer stores a batch: in one transaction, which `beforeCommit` may still undo. */
    store: (
      messages: readonly Message[],
      {
        process = first,
        beforeCommit,
      }: { readonly process?: Webhooks; readonly beforeCommit?: () => Promise<void> } = {},
    ): Promise<StoredDeliveries> =>
      transact(process, async ({ trx }) => {
        const stored = await fanOut(
          trx,
          messages.map((message) => ({ message, traceparent: undefined })),
          { now: new Date(), ids, schedule: standardScheduleSeconds },
        );
        await beforeCommit?.();
        return stored;
      }),
    /** In the order of sequences. */
    async deliveriesTo(endpointId: string): Promise<readonly StoredRow[]> {
      const { rows } = await sql<StoredRow>`
        SELECT endpoint_id, message_id, sequence, status, due_at FROM webhook_deliveries
        WHERE endpoint_id = ${endpointId} ORDER BY sequence`.execute(first.db);
      return rows;
    },
    async lastSequence(endpointId: string): Promise<number> {
      const { rows } = await sql<{ last_sequence: number }>`
        SELECT last_sequence FROM webhook_endpoint_sequences WHERE endpoint_id = ${endpointId}`.execute(
        first.db,
      );
      return rows[0]?.last_sequence ?? -1;
    },
    async isStored(messageId: string): Promise<boolean> {
      const { rows } = await sql`SELECT FROM webhook_messages WHERE id = ${messageId}`.execute(first.db);
      return rows.length > 0;
    },
    async close() {
      for (const close of closers) await close();
      await testDatabase.drop();
    },
  };
};
export type FanOutBench = Awaited<ReturnType<typeof openFanOut>>;
