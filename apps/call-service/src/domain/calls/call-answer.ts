import type { callDetailAnswer, callLogSchema, Principal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Call, Data, Executor } from '../database.ts';
import { readSupportTickets } from '../support-tickets/support-ticket-repository.ts';
import { accountOf } from './accounts.ts';
import { findAnyCall, findCall } from './call-repository.ts';
import { type PerformedAction, readActions } from './frame-repository.ts';

type CallLog = z.input<typeof callLogSchema>;
type CallDetail = z.input<typeof callDetailAnswer>;

/** A call as logs show it. */
export const callLogOf = (call: Call, actions: readonly PerformedAction[]): CallLog => ({
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

const detailOf = async (db: Executor, call: Call): Promise<CallDetail> => {
  const actions = await readActions(db, [call.id]);
  const supportTickets = await readSupportTickets(db, call.id);
  return {
    success: true,
    data: {
      ...callLogOf(call, actions.get(call.id) ?? []),
      isMuted: call.is_muted,
      isOnHold: call.is_on_hold,
      sequence: call.last_sequence,
      supportTickets: supportTickets.map(({ ticket_id, created_at, status }) => ({
        ticketId: ticket_id,
        openedAt: created_at.toISOString(),
        status,
      })),
    },
  };
};

/** A call of an account, also after its end. Throws CALL_NOT_FOUND. */
export const callDetail = async (
  { db }: Pick<Data, 'db'>,
  principal: Principal,
  id: string,
): Promise<CallDetail> => detailOf(db, await findCall(db, accountOf(principal), id));

/** The same of whatever account, for those who work on tickets about calls. Throws CALL_NOT_FOUND. */
export const callDetailForStaff = async ({ db }: Pick<Data, 'db'>, id: string): Promise<CallDetail> =>
  detailOf(db, await findAnyCall(db, id));
