import type { Environment } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from './executor.ts';
import type { Schedules } from './schedule.ts';
import type { LeasedDelivery, Profile, SecretReference, Signing } from './types.ts';

export interface Lease {
  readonly owner: string;
  readonly now: Date;
  readonly until: Date;
}

/** Which deliveries are wanted. Each way reads only rows it may take, whatever waits beside them. */
export type Wanted =
  /** Those just accepted here, by name; not those that somebody's lease ran out on. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  /** The oldest due ones of lanes that have free slots. */
  | { readonly kind: 'lanes'; readonly lanes: readonly LaneRoom[]; readonly limit: number }
  /** Whatever is due on any lane, from `afterLane` on in the order of names, at most `perLane` of each. */
  | {
      readonly kind: 'any';
      readonly afterLane: string;
      readonly perLane: number;
      /** Lanes of which fewer may be taken. */
      readonly busy: readonly LaneRoom[];
      readonly limit: number;
    };

export interface LaneRoom {
  readonly lane: string;
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
  event_type: string;
  owner: string;
  lane: string;
  profile: Profile;
  url: string;
  target_host: string;
  environment: Environment;
  secret: SecretReference | null;
  endpoint_id: string | null;
  sequence: string | null;
  secrets_sealed: readonly string[] | null;
  headers_sealed: string | null;
  schedule_seconds: readonly number[] | null;
  replay_id: string | null;
  attempt_count: number;
  schedule_step: number;
  created_at: Date;
  lost_since: Date | null;
}

const signingOf = (row: ClaimRow): Signing => {
  if (row.profile === 'partner' && row.secret) return { profile: 'partner', secret: row.secret };
  if (row.endpoint_id === null || row.sequence === null || row.secrets_sealed === null) {
    throw new TypeError(`delivery ${row.id} has nothing to be signed with`);
  }
  return {
    profile: 'standard',
    endpointId: row.endpoint_id,
    sequence: Number(row.sequence),
    secretsSealed: row.secrets_sealed,
    headersSealed: row.headers_sealed,
  };
};

const leasedDelivery = (row: ClaimRow, schedules: Schedules): LeasedDelivery => ({
  id: row.id,
  messageId: row.message_id,
  eventType: row.event_type,
  body: row.body,
  traceparent: row.traceparent,
  owner: row.owner,
  lane: row.lane,
  url: row.url,
  host: row.target_host,
  environment: row.environment,
  signing: signingOf(row),
  schedule: row.schedule_seconds ?? schedules[row.profile],
  replayId: row.replay_id,
  attemptNumber: row.attempt_count + 1,
  step: row.schedule_step,
  createdAt: row.created_at,
});

const roomTable = (rooms: readonly LaneRoom[]) =>
  sql`unnest(${rooms.map((room) => room.lane)}::text[], ${rooms.map((room) => room.free)}::int[])
    AS room (lane, free)`;

/**
 * The rows to take, locked. A `FOR UPDATE SKIP LOCKED` keeps dispatchers on one database out of each other's way.
 *
 * `any` walks from lane to lane over the index (one probe each) instead of reading due rows in order of time: with
 * 100,000 rows waiting for a target that hangs, the order of time would read past all of them at every look.
 */
const candidates = (wanted: Wanted, now: Date, inHand: readonly string[]): RawBuilder<unknown> => {
  const takeable = sql`d.status = 'pending' AND d.due_at <= ${now}::timestamptz
    AND NOT EXISTS (SELECT FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND e.status = 'disabled')
    AND d.id <> ALL (${inHand}::uuid[])`;
  if (wanted.kind === 'ids') {
    return sql`
      SELECT d.id, d.leased_at FROM webhook_deliveries d
      WHERE d.id = ANY (${wanted.ids}::uuid[]) AND ${takeable} AND d.lease_owner IS NULL
      FOR UPDATE SKIP LOCKED`;
  }
  const ofLane = (lane: RawBuilder<unknown>, limit: RawBuilder<unknown>) => sql`
    SELECT d.id, d.leased_at FROM webhook_deliveries d
    WHERE d.lane = ${lane} AND ${takeable}
    ORDER BY d.due_at LIMIT ${limit}
    FOR UPDATE SKIP LOCKED`;
  if (wanted.kind === 'lanes') {
    return sql`
      SELECT one.id, one.leased_at FROM ${roomTable(wanted.lanes)}
      CROSS JOIN LATERAL (${ofLane(sql`room.lane`, sql`room.free`)}) one
      LIMIT ${wanted.limit}::int`;
  }
  return sql`
    SELECT one.id, one.leased_at FROM lanes
    LEFT JOIN ${roomTable(wanted.busy)} ON room.lane = lanes.lane
    CROSS JOIN LATERAL (${ofLane(sql`lanes.lane`, sql`coalesce(room.free, ${wanted.perLane}::int)`)}) one
    WHERE lanes.lane IS NOT NULL
    LIMIT ${wanted.limit}::int`;
};

/** The names of all lanes with pending deliveries, one index probe each; needed by `any` alone. */
const laneWalk = (afterLane: string): RawBuilder<unknown> => sql`
  lanes AS (
    (SELECT d.lane FROM webhook_deliveries d
     WHERE d.status = 'pending' AND d.lane >= ${afterLane} COLLATE "C" ORDER BY d.lane LIMIT 1)
    UNION ALL
    SELECT (SELECT d.lane FROM webhook_deliveries d
            WHERE d.status = 'pending' AND d.lane > lanes.lane ORDER BY d.lane LIMIT 1)
    FROM lanes WHERE lanes.lane IS NOT NULL
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
  schedules: Schedules,
): Promise<readonly Claim[]> => {
  const { rows } = await sql<ClaimRow>`
    WITH RECURSIVE ${wanted.kind === 'any' ? laneWalk(wanted.afterLane) : sql``}
    due AS MATERIALIZED (${candidates(wanted, lease.now, inHand)}),
    leased AS (
      UPDATE webhook_deliveries d
      SET lease_owner = ${lease.owner}, leased_at = ${lease.now}::timestamptz, due_at = ${lease.until}::timestamptz
      FROM due WHERE d.id = due.id
      RETURNING d.*, due.leased_at AS lost_since
    )
    SELECT leased.id, leased.message_id, leased.event_type, leased.owner, leased.lane, coalesce(m.body, '') AS body,
      m.traceparent, leased.profile, coalesce(e.url, leased.url) AS url, leased.target_host, leased.environment,
      leased.secret, leased.endpoint_id, leased.sequence::text AS sequence, e.headers_sealed, e.schedule_seconds,
      (SELECT array_agg(s.secret_sealed ORDER BY s.expires_at IS NOT NULL, s.created_at DESC)
       FROM webhook_endpoint_secrets s
       WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > ${lease.now}::timestamptz)) AS secrets_sealed,
      leased.replay_id, leased.attempt_count, leased.schedule_step, leased.created_at, leased.lost_since
    FROM leased JOIN webhook_messages m ON m.id = leased.message_id
    LEFT JOIN webhook_endpoints e ON e.id = leased.endpoint_id`.execute(executor);
  return rows.map((row) => ({ lostSince: row.lost_since, delivery: leasedDelivery(row, schedules) }));
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
    WITH RECURSIVE ${laneWalk('')}
    oldest AS (
      SELECT (SELECT min(d.due_at) FROM webhook_deliveries d
              WHERE d.status = 'pending' AND d.lane = lanes.lane) AS due_at
      FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT min(due_at) AS oldest FROM oldest`.execute(executor);
  const oldest = rows[0]?.oldest;
  return oldest ? Math.max(0, (now.getTime() - oldest.getTime()) / 1000) : 0;
};
