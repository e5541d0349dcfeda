import { callMessageSchema, type callRpcs, errors } from '@switchboard/contracts';
import { faultMessage, toFieldFaults } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../deps.ts';
import { findFollowed } from '../domain/calls/follow-call.ts';

type Question = z.output<typeof callRpcs.commandAny.request>;

/** What a follower asks of a call that nobody has in hand, as far as its gateway can tell. */
export const commandAny = async (
  { data, sessions }: Pick<Deps, 'data' | 'sessions'>,
  { id, message, principal, connection_id }: Question,
): Promise<Record<string, never>> => {
  const parsed = callMessageSchema.safeParse(message, { error: faultMessage, reportInput: true });
  if (!parsed.success) throw errors.invalidInput(toFieldFaults(parsed.error, 'message'));
  const call = await findFollowed(data.db, principal, id);
  await sessions.perform(call, parsed.data, { principal, connectionId: connection_id });
  return {};
};
