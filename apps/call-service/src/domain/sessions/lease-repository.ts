import { type JsonValue, toJson } from '@switchboard/db';
import { sql } from 'kysely';
import type { Call, Executor } from '../database.ts';
import type { LegReference } from '../telephony/driver.ts';

/**
 * Puts off the end of leases. Gives the ids of those that were renewed: calls that the owner has in hand still, but for those
 * whose rows somebody holds. One row that is held for long would otherwise cost the owner all its calls.
 */
export const renewLeases = async (
  executor: Executor,
  { owner, ids, until }: { readonly owner: string; readonly ids: readonly string[]; readonly until: Date },
): Promise<ReadonlySet<string>> => {
  // One parameter for all of them; lease_until is in no index, so that most renewals write the row alone.
  const renewed = await sql<{ id: string }>`
    WITH held AS (
      SELECT id FROM calls.calls WHERE id = ANY(${ids}::uuid[]) AND lease_owner = ${owner}
      FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE calls.calls c SET lease_until = ${until} FROM held WHERE c.id = held.id
    RETURNING c.id`.execute(executor);
  return new Set(renewed.rows.map(({ id }) => id));
};

export const readCalls = async (
  executor: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Call>> => {
  const found = await sql<Call>`SELECT * FROM calls.calls WHERE id = ANY(${ids}::uuid[])`.execute(executor);
  return new Map(found.rows.map((call) => [call.id, call]));
};

/** A call whose owner was not heard of in time. */
export interface LostCall {
  readonly call: Call;
  /** Until when its owner was alive, as far as one knows. */
  readonly lostAt: Date;
}

/** CALL_LEASE_SECONDS is 30 at most, and clocks of several machines differ a little. */
const LEASE_MS_NEVER = 120_000;

/**
 * Takes calls whose lease has run out, the longest lost first. What this process has in hand itself is left out; what
 * is leased to it and is not in its hands (its answer to a commit was lost) is not. A lease that lasts longer than anybody
 * grants is of a clock that was set back since.
 */
export const takeLeases = async (
  executor: Executor,
  wanted: {
    readonly owner: string;
    readonly now: Date;
    readonly until: Date;
    readonly inHand: readonly string[];
    readonly max: number;
  },
): Promise<readonly LostCall[]> => {
  const { owner, now, until, inHand, max } = wanted;
  const farOff = new Date(now.getTime() + LEASE_MS_NEVER);
  const taken = await sql<Call & { lost_at: Date }>`
    WITH lost AS (
      SELECT id, lease_until AS lost_at FROM calls.calls
      WHERE lease_owner IS NOT NULL AND (lease_until <= ${now} OR lease_until > ${farOff}) AND NOT (id = ANY(${inHand}::uuid[]))
      ORDER BY lease_until LIMIT ${max}
      FOR UPDATE SKIP LOCKED
    )
    UPDATE calls.calls c SET lease_owner = ${owner}, lease_until = ${until}
    FROM lost WHERE c.id = lost.id
    RETURNING c.*, lost.lost_at`.execute(executor);
  return taken.rows.map(({ lost_at, ...call }) => ({ call, lostAt: lost_at < now ? lost_at : now }));
};

/** Ends the leases of an owner: anybody may take its calls now. */
export const giveLeases = async (
  executor: Executor,
  { owner, now }: { readonly owner: string; readonly now: Date },
): Promise<number> => {
  const given = await executor
    .updateTable('calls')
    .set({ lease_until: now })
    .where('lease_owner', '=', owner)
    .executeTakeFirst();
  return Number(given.numUpdatedRows);
};

/** Keeps what a driver needs to find a leg again. False: the call is over, or in other hands. */
export const keepReference = async (
  executor: Executor,
  kept: { readonly id: string; readonly owner: string; readonly reference: LegReference },
): Promise<boolean> => {
  const { id, owner, reference } = kept;
  const done = await executor
    .updateTable('calls')
    .set({ driver_reference: toJson(reference) })
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
};

export interface OverdueCall {
  readonly id: string;
  readonly startedAt: Date;
}

/** Calls that began before a time and are not over, whoever has them in hand; but for those whose rows somebody holds. */
export const findOverdue = async (
  executor: Executor,
  { before, max }: { readonly before: Date; readonly max: number },
): Promise<readonly OverdueCall[]> => {
  const found = await executor
    .selectFrom('calls')
    .select(['id', 'started_at as startedAt'])
    .where('lease_owner', 'is not', null)
    .where('started_at', '<=', before)
    .orderBy('started_at')
    .limit(max)
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
  return found;
};

/** What counts towards the bounds of a call. */
export interface Said {
  readonly actions: number;
  readonly answers: number;
}

export const countSaid = async (
  executor: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Said>> => {
  const counted = await sql<{ call_id: string } & Said>`
    SELECT call_id, count(*) FILTER (WHERE type = 'call.action')::int AS actions,
      count(*) FILTER (WHERE type = 'media.answer')::int AS answers
    FROM calls.call_frames WHERE call_id = ANY(${ids}::uuid[]) GROUP BY call_id`.execute(executor);
  return new Map(counted.rows.map(({ call_id, ...said }) => [call_id, said]));
};

export const isReference = (value: JsonValue): value is Record<string, JsonValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
