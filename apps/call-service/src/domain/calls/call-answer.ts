import type {
  callDetailAnswer,
  callLogSchema,
  Principal,
  performedActionSchema,
} from '@switchboard/contracts';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Call, Data, Executor } from '../database.ts';
import { accountOf } from './accounts.ts';
import { findCall } from './call-repository.ts';

type CallLog = z.input<typeof callLogSchema>;
type Action = z.input<typeof performedActionSchema>;

/** Of one call: as many as it takes (sessions/session.ts). */
const ACTIONS_MAX = 1_000;

interface Row {
  readonly call_id: string;
  readonly at: Date;
  readonly data: {
    readonly action: string;
    readonly status: Action['status'];
    readonly dtmfDigit?: string;
    readonly target?: string;
  };
}

/** What was done in calls, in order, by the call's id. */
export const readActions = async (
  executor: Executor,
  callIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Action[]>> => {
  const read = await sql<Row>`
    SELECT c.id AS call_id, f.at, f.data FROM unnest(${callIds}::uuid[]) AS c (id)
    CROSS JOIN LATERAL (
      SELECT sequence, at, data FROM calls.call_frames
      WHERE call_id = c.id AND type = 'call.action' ORDER BY sequence LIMIT ${ACTIONS_MAX}
    ) f ORDER BY c.id, f.sequence`.execute(executor);
  const actions = new Map<string, Action[]>();
  for (const { call_id, at, data } of read.rows) {
    const { action, ...rest } = data;
    const ofCall = actions.get(call_id) ?? [];
    ofCall.push({ type: action, timestamp: at.toISOString(), ...rest });
    actions.set(call_id, ofCall);
  }
  return actions;
};

/** A call as logs show it. */
export const callLogOf = (call: Call, actions: readonly Action[]): CallLog => ({
  callId: call.id,
  customerName: call.name,
  ani: call.phone,
  callType: call.call_type,
  startTime: call.started_at.toISOString(),
  endTime: call.ended_at?.toISOString() ?? null,
  duration: call.duration_seconds,
  status: call.status,
  actions: [...actions],
  connectedTime: call.connected_at?.toISOString() ?? null,
  reason: call.reason,
  metadata: { ...(call.metadata as Record<string, unknown>) },
});

/** A call of an account, also after its end. Throws CALL_NOT_FOUND. */
export const callDetail = async (
  { db }: Pick<Data, 'db'>,
  principal: Principal,
  id: string,
): Promise<z.input<typeof callDetailAnswer>> => {
  const call = await findCall(db, accountOf(principal), id);
  const actions = await readActions(db, [call.id]);
  return {
    success: true,
    data: {
      ...callLogOf(call, actions.get(call.id) ?? []),
      isMuted: call.is_muted,
      isOnHold: call.is_on_hold,
      sequence: call.last_sequence,
    },
  };
};
