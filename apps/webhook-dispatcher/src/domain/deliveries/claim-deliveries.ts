import type { Environment } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from './executor.ts';
import type { LeasedDelivery, Profile, SecretReference } from './types.ts';

export interface Lease {
  readonly owner: string;
  readonly now: Date;
  readonly until: Date;
}

/** Which deliveries are wanted. Each way reads only rows it may take, whatever waits beside them. */
export type Wanted =
  /** Those just accepted here, by name; not those that somebody's lease ran out on. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  /** The oldest due ones of hosts that have free slots. */
  | { readonly kind: 'hosts'; readonly hosts: readonly HostRoom[]; readonly limit: number }
  /** Whatever is due on any host, from `afterHost` on in the order of names, at most `perHost` of each. */
  | {
      readonly kind: 'any';
      readonly afterHost: string;
      readonly perHost: number;
      /** Hosts of which fewer may be taken. */
      readonly busy: readonly HostRoom[];
      readonly limit: number;
    };

export interface HostRoom {
  readonly host: string;
  readonly free: number;
}

/** A claimed delivery, and when the attempt before it began if that one got lost. */
export interface Claim {
  readonly delivery: LeasedDelivery;
  readonly lostSince: Date | null;
}

interface ClaimRow {
  id: string;
  message_id: string;
  body: string;
  traceparent: string | null;
  profile: Profile;
  url: string;
  target_host: string;
  environment: Environment;
  secret: SecretReference;
  attempt_count: number;
  schedule_step: number;
  created_at: Date;
  lost_since: Date | null;
}

const roomTable = (rooms: readonly HostRoom[]) =>
  sql`unnest(${rooms.map((room) => room.host)}::text[], ${rooms.map((room) => room.free)}::int[])
    AS room (host, free)`;

/**
 * The rows to take, locked. A `FOR UPDATE SKIP LOCKED` keeps dispatchers on one database out of each other's way.
 *
 * `any` walks from host to host over the index (one probe each) instead of reading due rows in order of time: with
 * 100,000 rows waiting for a target that hangs, the order of time would read past all of them at every look.
 */
const candidates = (wanted: Wanted, now: Date, inHand: readonly string[]): RawBuilder<unknown> => {
  const takeable = sql`d.status = 'pending' AND d.due_at <= ${now}::timestamptz AND d.id <> ALL (${inHand}::uuid[])`;
  if (wanted.kind === 'ids') {
    return sql`
      SELECT d.id, d.leased_at FROM webhook_deliveries d
      WHERE d.id = ANY (${wanted.ids}::uuid[]) AND ${takeable} AND d.lease_owner IS NULL
      FOR UPDATE SKIP LOCKED`;
  }
  const ofHost = (host: RawBuilder<unknown>, limit: RawBuilder<unknown>) => sql`
    SELECT d.id, d.leased_at FROM webhook_deliveries d
    WHERE d.target_host = ${host} AND ${takeable}
    ORDER BY d.due_at LIMIT ${limit}
    FOR UPDATE SKIP LOCKED`;
  if (wanted.kind === 'hosts') {
    return sql`
      SELECT one.id, one.leased_at FROM ${roomTable(wanted.hosts)}
      CROSS JOIN LATERAL (${ofHost(sql`room.host`, sql`room.free`)}) one
      LIMIT ${wanted.limit}::int`;
  }
  return sql`
    SELECT one.id, one.leased_at FROM hosts
    LEFT JOIN ${roomTable(wanted.busy)} ON room.host = hosts.host
    CROSS JOIN LATERAL (${ofHost(sql`hosts.host`, sql`coalesce(room.free, ${wanted.perHost}::int)`)}) one
    WHERE hosts.host IS NOT NULL
    LIMIT ${wanted.limit}::int`;
};

/** The names of all hosts with pending deliveries, one index probe each; needed by `any` alone. */
const hostWalk = (afterHost: string): RawBuilder<unknown> => sql`
  hosts AS (
    (SELECT d.target_host AS host FROM webhook_deliveries d
     WHERE d.status = 'pending' AND d.target_host >= ${afterHost} COLLATE "C" ORDER BY d.target_host LIMIT 1)
    UNION ALL
    SELECT (SELECT d.target_host FROM webhook_deliveries d
            WHERE d.status = 'pending' AND d.target_host > hosts.host ORDER BY d.target_host LIMIT 1)
    FROM hosts WHERE hosts.host IS NOT NULL
  ),`;

/**
 * Takes due deliveries under a lease: nobody else takes them before it ends. A delivery whose lease another
 * dispatcher let run out comes with `lostSince`: its last attempt may have been sent, and is still to be recorded.
 *
 * @param inHand deliveries this process works on; not taken again even if their lease ran out while Postgres was away
 */
export const claimDeliveries = async (
  executor: Executor,
  wanted: Wanted,
  lease: Lease,
  inHand: readonly string[],
): Promise<readonly Claim[]> => {
  const { rows } = await sql<ClaimRow>`
    WITH RECURSIVE ${wanted.kind === 'any' ? hostWalk(wanted.afterHost) : sql``}
    due AS MATERIALIZED (${candidates(wanted, lease.now, inHand)}),
    leased AS (
      UPDATE webhook_deliveries d
      SET lease_owner = ${lease.owner}, leased_at = ${lease.now}::timestamptz, due_at = ${lease.until}::timestamptz
      FROM due WHERE d.id = due.id
      RETURNING d.*, due.leased_at AS lost_since
    )
    SELECT leased.id, leased.message_id, coalesce(m.body, '') AS body, m.traceparent, leased.profile, leased.url,
      leased.target_host, leased.environment, leased.secret, leased.attempt_count, leased.schedule_step,
      leased.created_at, leased.lost_since
    FROM leased JOIN webhook_messages m ON m.id = leased.message_id`.execute(executor);
  return rows.map((row) => ({
    lostSince: row.lost_since,
    delivery: {
      id: row.id,
      messageId: row.message_id,
      body: row.body,
      traceparent: row.traceparent,
      profile: row.profile,
      url: row.url,
      host: row.target_host,
      environment: row.environment,
      secret: row.secret,
      attemptNumber: row.attempt_count + 1,
      step: row.schedule_step,
      createdAt: row.created_at,
    },
  }));
};

/**
 * Says that this process still works on these deliveries. Rows that are locked are being recorded right now and need
 * no more time; waiting for them could deadlock with the transaction that records.
 */
export const extendLeases = async (
  executor: Executor,
  lease: Lease,
  ids: readonly string[],
): Promise<void> => {
  await sql`
    UPDATE webhook_deliveries SET due_at = ${lease.until}::timestamptz
    WHERE id IN (
      SELECT id FROM webhook_deliveries
      WHERE id = ANY (${ids}::uuid[]) AND lease_owner = ${lease.owner} AND status = 'pending'
      FOR UPDATE SKIP LOCKED
    )`.execute(executor);
};

/** Seconds since the oldest delivery was due that nobody has taken yet; 0 when nothing waits. */
export const backlogAgeSeconds = async (executor: Executor, now: Date): Promise<number> => {
  const { rows } = await sql<{ oldest: Date | null }>`
    WITH RECURSIVE ${hostWalk('')}
    oldest AS (
      SELECT (SELECT min(d.due_at) FROM webhook_deliveries d
              WHERE d.status = 'pending' AND d.target_host = hosts.host) AS due_at
      FROM hosts WHERE hosts.host IS NOT NULL
    )
    SELECT min(due_at) AS oldest FROM oldest`.execute(executor);
  const oldest = rows[0]?.oldest;
  return oldest ? Math.max(0, (now.getTime() - oldest.getTime()) / 1000) : 0;
};
