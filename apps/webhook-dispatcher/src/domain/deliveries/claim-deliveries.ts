import type { Environment } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from './executor.ts';
import { targetHost } from './persist-requests.ts';
import { isPending } from './record-attempts.ts';
import type { Schedules } from './schedule.ts';
import type { Lane, Lease, LeasedDelivery, Profile, SecretReference, Signing } from './types.ts';

/** Which deliveries are wanted. Each way reads only rows it may take, whatever waits beside them. */
export type Wanted =
  /** Those just accepted here, by name; not those that somebody's lease ran out on. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  /** The oldest due ones of lanes that have free slots. */
  | {
      readonly kind: 'lanes';
      readonly rooms: readonly LaneRoom[];
      /** What others hold in a lane counts too: they may have begun it when it was theirs. */
      readonly countOthers: boolean;
    };

export interface LaneRoom {
  readonly lane: Lane;
  readonly free: number;
}

/** A lane that has due deliveries, and since when. */
export interface DueLane {
  readonly lane: Lane;
  readonly dueAt: Date;
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
  target_host: string | null;
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
  earlier_attempts: number;
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
  host: row.target_host ?? targetHost(row.url),
  environment: row.environment,
  signing: signingOf(row),
  schedule: row.schedule_seconds ?? schedules[row.profile],
  replayId: row.replay_id,
  attemptNumber: row.attempt_count + 1,
  step: row.schedule_step,
  earlierAttempts: row.earlier_attempts,
  createdAt: row.created_at,
});

/** Every live secret of the endpoint `e`, encrypted, the current one first. */
export const liveSecrets = (now: Date): RawBuilder<unknown> => sql`
  (SELECT coalesce(array_agg(s.secret_sealed ORDER BY s.expires_at IS NOT NULL, s.created_at DESC), '{}')
   FROM webhook_endpoint_secrets s
   WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > ${now}::timestamptz))`;

/**
 * The rows to take, locked. A `FOR UPDATE SKIP LOCKED` keeps dispatchers on one database out of each other's way.
 *
 * @param inHand deliveries this process works on; not taken again even if their lease ran out while Postgres was away
 */
const candidates = (wanted: Wanted, lease: Lease, inHand: readonly string[]): RawBuilder<unknown> => {
  const takeable = sql`d.due_at <= ${lease.now}::timestamptz AND NOT EXISTS (
      SELECT FROM webhook_endpoints e
      WHERE e.id = d.endpoint_id AND (e.status = 'disabled' OR e.deleted_at IS NOT NULL)
    ) AND NOT EXISTS (
      SELECT FROM webhook_endpoint_health h
      WHERE h.endpoint_id = d.endpoint_id AND h.circuit_open_until > ${lease.now}::timestamptz
    )`;
  if (wanted.kind === 'ids') {
    return sql`
      SELECT d.id, d.leased_at FROM webhook_deliveries d
      WHERE d.id = ANY (${wanted.ids}::uuid[]) AND ${isPending} AND ${takeable} AND d.lease_owner IS NULL
      FOR UPDATE SKIP LOCKED`;
  }
  const { rooms, countOthers } = wanted;
  const free = countOthers
    ? sql`greatest(0, least(room.free, room.most - (
        SELECT count(*) FROM webhook_deliveries o
        WHERE o.lane = room.lane AND o.status = 'pending' AND o.lease_owner IS NOT NULL
          AND o.due_at > ${lease.now}::timestamptz AND o.due_at <= ${lease.until}::timestamptz)))`
    : sql`room.free`;
  return sql`
    SELECT one.id, one.leased_at
    FROM unnest(${rooms.map((room) => room.lane.lane)}::text[], ${rooms.map((room) => room.free)}::int[],
      ${rooms.map((room) => room.lane.concurrency)}::int[]) AS room (lane, free, most)
    CROSS JOIN LATERAL (
      SELECT d.id, d.leased_at FROM webhook_deliveries d
      WHERE d.lane = room.lane AND d.status = 'pending' AND ${takeable}
        AND (d.lease_owner IS DISTINCT FROM ${lease.owner} OR d.id <> ALL (${inHand}::uuid[]))
      ORDER BY d.due_at LIMIT ${free}
      FOR UPDATE SKIP LOCKED
    ) one`;
};

/**
 * Takes due deliveries under a lease: nobody else takes them before it ends. A delivery whose lease another
 * dispatcher let run out comes with `lostSince`: its last attempt may have been sent, and is still to be recorded.
 */
export const claimDeliveries = async (
  executor: Executor,
  wanted: Wanted,
  lease: Lease,
  inHand: readonly string[],
  schedules: Schedules,
): Promise<readonly Claim[]> => {
  const { rows } = await sql<ClaimRow>`
    WITH due AS MATERIALIZED (${candidates(wanted, lease, inHand)}),
    leased AS (
      UPDATE webhook_deliveries d
      SET lease_owner = ${lease.owner}, leased_at = ${lease.now}::timestamptz, due_at = ${lease.until}::timestamptz
      FROM due WHERE d.id = due.id
      RETURNING d.*, due.leased_at AS lost_since
    )
    SELECT leased.id, leased.message_id, leased.event_type, leased.owner, leased.lane, coalesce(m.body, '') AS body,
      m.traceparent, leased.profile, coalesce(e.url, leased.url) AS url, leased.target_host, leased.environment,
      leased.secret, leased.endpoint_id, leased.sequence::text AS sequence, e.headers_sealed, e.schedule_seconds,
      ${liveSecrets(lease.now)} AS secrets_sealed,
      leased.replay_id, leased.attempt_count, leased.schedule_step, leased.earlier_attempts, leased.created_at, leased.lost_since
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
      SELECT d.id FROM webhook_deliveries d
      WHERE d.id = ANY (${ids}::uuid[]) AND d.lease_owner = ${lease.owner} AND ${isPending}
      FOR UPDATE SKIP LOCKED
    )`.execute(executor);
};

interface DueLaneRow {
  readonly lane: string;
  readonly owner: string;
  readonly concurrency: number | null;
  readonly rate_per_second: number | null;
  readonly circuit_open_until: Date | null;
  readonly due_at: Date;
}

/**
 * The lanes that have something due, with the settings and the circuit of their endpoints; disabled and deleted ones are
 * none. It walks from lane to lane over the index, one probe each, instead of reading due rows in order of time: with
 * 100,000 rows waiting for a target that hangs, the order of time would read past all of them at every look.
 */
export const findDueLanes = async (executor: Executor, now: Date): Promise<readonly DueLane[]> => {
  const { rows } = await sql<DueLaneRow>`
    WITH RECURSIVE first AS (
      (SELECT d.lane, d.due_at, d.owner, d.endpoint_id FROM webhook_deliveries d
       WHERE d.status = 'pending' ORDER BY d.lane, d.due_at LIMIT 1)
      UNION ALL
      SELECT next.* FROM first CROSS JOIN LATERAL (
        SELECT d.lane, d.due_at, d.owner, d.endpoint_id FROM webhook_deliveries d
        WHERE d.status = 'pending' AND d.lane > first.lane ORDER BY d.lane, d.due_at LIMIT 1
      ) next
    )
    SELECT first.lane, first.owner, e.concurrency, e.rate_per_second, h.circuit_open_until, first.due_at
    FROM first LEFT JOIN webhook_endpoints e ON e.id = first.endpoint_id
    LEFT JOIN webhook_endpoint_health h ON h.endpoint_id = first.endpoint_id
    WHERE first.due_at <= ${now}::timestamptz
      AND (first.endpoint_id IS NULL OR (e.status = 'enabled' AND e.deleted_at IS NULL))`.execute(executor);
  return rows.map((row) => ({
    lane: {
      lane: row.lane,
      owner: row.owner,
      concurrency: row.concurrency,
      ratePerSecond: row.rate_per_second,
      openUntil: row.circuit_open_until,
    },
    dueAt: row.due_at,
  }));
};
