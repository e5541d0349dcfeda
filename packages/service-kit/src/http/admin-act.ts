import type { AdminAct, UserPrincipal } from '@switchboard/contracts';
import type { Caller } from './implement.ts';

/** What a handler of the administration API knows of whoever asks. */
export interface AdminContext {
  readonly principal: UserPrincipal;
  readonly caller: Caller;
  readonly requestId: string;
}

type Deed = Pick<AdminAct, 'action' | 'target' | 'before' | 'after'>;

/** An administrative act as it is emitted (`<domain>.admin.acted`): what was done, by whom and from where. */
export const adminActOf = ({ principal, caller, requestId }: AdminContext, act: Deed): AdminAct => ({
  ...act,
  actor: { user_id: principal.user_id, email: principal.email, role: principal.role },
  ip: caller.ip,
  user_agent: caller.userAgent,
  request_id: requestId,
});

/** The same where nobody asked: the service did it by itself. */
export const ownActOf = (act: Deed): AdminAct => ({
  ...act,
  actor: null,
  ip: null,
  user_agent: null,
  request_id: null,
});
