import type { Environment } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import type { Profile, SecretReference } from './types.ts';

export interface NewMessage {
  readonly id: string;
  readonly eventType: string;
  /** The exact text that is sent and signed. */
  readonly body: string;
  readonly traceparent: string | undefined;
}

/** A delivery as it is stored first. One to an endpoint has the endpoint's id and a sequence; a callback url, host and secret. */
export interface NewDelivery {
  readonly id: string;
  readonly messageId: string;
  readonly eventType: string;
  readonly owner: string;
  readonly environment: Environment;
  readonly lane: string;
  readonly targetHost: string | null;
  readonly profile: Profile;
  readonly url: string | null;
  readonly secret: SecretReference | null;
  readonly endpointId: string | null;
  readonly sequence: number | null;
  readonly status: 'pending' | 'held';
  /** When the first attempt is due; null while it is held. */
  readonly dueAt: Date | null;
  /** Set where this process begins the attempt right after the commit: nobody else takes it before the lease ends. */
  readonly lease?: { readonly owner: string; readonly until: Date } | undefined;
}

/**
 * Stores messages, each once: the same id twice is one message. Call it in the inbox transaction of their events.
 *
 * In the order of the ids: two dispatchers that store the same messages wait for each other and do not deadlock.
 *
 * @returns the ids of those that are new
 */
export const insertMessages = async (
  trx: Executor,
  messages: readonly NewMessage[],
  { now }: { readonly now: Date },
): Promise<ReadonlySet<string>> => {
  if (messages.length === 0) return new Set();
  // Bodies as they are: as JSON within JSON, which each side takes apart again, 64 of 8 kB cost it milliseconds.
  const values = messages
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map(
      ({ id, eventType, body, traceparent }) =>
        sql`(${id}, ${eventType}, ${body}, ${traceparent ?? null}, ${now})`,
    );
  const { rows: stored } = await sql<{ id: string }>`
    INSERT INTO webhook_messages (id, event_type, body, traceparent, created_at)
    VALUES ${sql.join(values)}
    ON CONFLICT (id) DO NOTHING
    RETURNING id`.execute(trx);
  return new Set(stored.map((row) => row.id));
};

/** Rows of one statement: however many endpoints a message goes to, none comes near the time that Postgres gives it. */
const ROWS_PER_STATEMENT = 5_000;

const insertSome = async (trx: Executor, deliveries: readonly NewDelivery[], now: Date): Promise<void> => {
  const rows = deliveries.map((one) => ({
    id: one.id,
    message_id: one.messageId,
    event_type: one.eventType,
    owner: one.owner,
    environment: one.environment,
    lane: one.lane,
    target_host: one.targetHost,
    profile: one.profile,
    url: one.url,
    secret: one.secret,
    endpoint_id: one.endpointId,
    sequence: one.sequence,
    status: one.status,
    due_at: one.lease ? one.lease.until : one.dueAt,
    lease_owner: one.lease?.owner ?? null,
    leased_at: one.lease ? now : null,
  }));
  await sql`
    INSERT INTO webhook_deliveries (id, message_id, event_type, owner, environment, lane, target_host, profile, url,
      secret, endpoint_id, sequence, status, due_at, lease_owner, leased_at, created_at)
    SELECT r.*, ${now}::timestamptz
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r
      (id uuid, message_id text, event_type text, owner text, environment text, lane text, target_host text,
       profile text, url text, secret jsonb, endpoint_id uuid, sequence bigint, status text, due_at timestamptz,
       lease_owner text, leased_at timestamptz)`.execute(trx);
};

/** Stores deliveries of messages that are stored, in one statement unless they are thousands. */
export const insertDeliveries = async (
  trx: Executor,
  deliveries: readonly NewDelivery[],
  { now }: { readonly now: Date },
): Promise<void> => {
  for (let from = 0; from < deliveries.length; from += ROWS_PER_STATEMENT) {
    await insertSome(trx, deliveries.slice(from, from + ROWS_PER_STATEMENT), now);
  }
};
