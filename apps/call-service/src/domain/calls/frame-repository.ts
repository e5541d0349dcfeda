import { FRAMES_PER_PAGE, type performedActionSchema } from '@switchboard/contracts';
import { toJson } from '@switchboard/db';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from '../database.ts';
import type { StoredFrame } from './frames.ts';

export const insertFrames = async (trx: Executor, frames: readonly StoredFrame[]): Promise<void> => {
  if (frames.length === 0) return;
  await trx
    .insertInto('call_frames')
    .values(
      frames.map(({ callId, sequence, type, data, at }) => ({
        call_id: callId,
        sequence,
        type,
        data: toJson(data),
        at,
      })),
    )
    .execute();
};

/** A call beside one of its frames. */
export interface FollowedRow {
  readonly account_id: string;
  readonly last_sequence: number;
  readonly is_over: boolean;
  /** Of the ticket that was named; null when none was, or when it is kept no longer. */
  readonly ticket_uses: number | null;
  /** These are null in the one row of a call that has no such frame. */
  readonly sequence: number | null;
  readonly type: StoredFrame['type'];
  readonly data: StoredFrame['data'];
  readonly at: Date;
}

/**
 * A call with its frames after `since`, as of one moment: what says that it is over has the last frame beside it. Ends at
 * FRAMES_PER_PAGE frames, or with the one that makes it `bytesMax`. Nothing for an id that is no call's.
 */
export const readFramesAfter = async (
  executor: Executor,
  wanted: {
    readonly callId: string;
    readonly since: number;
    readonly ticketId: string | null;
    readonly bytesMax: number;
  },
): Promise<readonly FollowedRow[]> => {
  const { callId, since, ticketId, bytesMax } = wanted;
  const read = await sql<FollowedRow>`
    SELECT c.account_id, c.last_sequence, c.ended_at IS NOT NULL AS is_over,
      (SELECT uses FROM calls.call_tickets WHERE id = ${ticketId}::uuid) AS ticket_uses,
      f.sequence, f.type, f.data, f.at
    FROM calls.calls c LEFT JOIN LATERAL (
      SELECT page.* FROM (
        SELECT sequence, type, data, at,
          sum(octet_length(data::text)) OVER (ORDER BY sequence) - octet_length(data::text) AS bytes_before
        FROM calls.call_frames WHERE call_id = c.id AND sequence > ${since}
        ORDER BY sequence LIMIT ${FRAMES_PER_PAGE}
      ) page WHERE bytes_before < ${bytesMax}
    ) f ON true
    WHERE c.id = ${callId} ORDER BY f.sequence`.execute(executor);
  return read.rows;
};

export type PerformedAction = z.input<typeof performedActionSchema>;

interface ActionRow {
  readonly call_id: string;
  readonly at: Date;
  readonly data: { readonly action: string } & Omit<PerformedAction, 'type' | 'timestamp'>;
}

/** Of one call: as many as it takes (sessions/session.ts). */
const ACTIONS_MAX = 1_000;

/** What was done in calls, in order, by the call's id. */
export const readActions = async (
  executor: Executor,
  callIds: readonly string[],
): Promise<ReadonlyMap<string, readonly PerformedAction[]>> => {
  const read = await sql<ActionRow>`
    SELECT c.id AS call_id, f.at, f.data FROM unnest(${callIds}::uuid[]) AS c (id)
    CROSS JOIN LATERAL (
      SELECT sequence, at, data FROM calls.call_frames
      WHERE call_id = c.id AND type = 'call.action' ORDER BY sequence LIMIT ${ACTIONS_MAX}
    ) f ORDER BY c.id, f.sequence`.execute(executor);
  const actions = new Map<string, PerformedAction[]>();
  for (const { call_id, at, data } of read.rows) {
    const { action, ...rest } = data;
    const ofCall = actions.get(call_id) ?? [];
    ofCall.push({ type: action, timestamp: at.toISOString(), ...rest });
    actions.set(call_id, ofCall);
  }
  return actions;
};

/** Removes audio negotiation from before a time, of calls that ended before it, at most so many frames. Gives how many. */
export const deleteMediaFrames = async (executor: Executor, before: Date, max: number): Promise<number> => {
  // Found by the index that has media frames alone, so that the log is never looked through.
  const deleted = await sql`
    DELETE FROM calls.call_frames WHERE (call_id, sequence) IN (
      SELECT f.call_id, f.sequence FROM calls.call_frames f JOIN calls.calls c ON c.id = f.call_id
      WHERE f.type LIKE 'media.%' AND f.at < ${before} AND c.ended_at < ${before}
      ORDER BY f.at LIMIT ${max} FOR UPDATE OF f SKIP LOCKED
    )`.execute(executor);
  return Number(deleted.numAffectedRows ?? 0);
};
