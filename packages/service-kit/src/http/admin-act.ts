import type { AdminAct, UserPrincipal } from '@switchboard/contracts';
import type { Caller } from './implement.ts';

/** What a handler of the administration API knows of whoever asks. */
export interface AdminContext {
  readonly principal: UserPrincipal;
  readonly caller: Caller;
  readonly requestId: string;
}

/** An administrative act as it is emitted (`<domain>.admin.acted`): what was done, by whom and from where. */
export const adminActOf = (
  { principal, caller, requestId }: AdminContext,
  act: Pick<AdminAct, 'action' | 'target' | 'before' | 'after'>,
): AdminAct => ({
  ...act,
  actor: { user_id: principal.user_id, email: principal.email, role: principal.role },
  ip: caller.ip,
  user_agent: caller.userAgent,
  request_id: requestId,
});
