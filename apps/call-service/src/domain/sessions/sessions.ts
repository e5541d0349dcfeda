import type { CallMessage, Principal } from '@switchboard/contracts';
import type { Call } from '../database.ts';

/**
 * TERMINOLOGY — *session*: a call that this process has in hand, with its leg. *Lease*: the row in Postgres that says so;
 * renewed while the process lives. Everything that happens to a session happens one after another.
 */
export interface Sessions {
  /** Names this process as the owner of calls; another one at every start. */
  readonly owner: string;
  /** How many calls this process has in hand. */
  readonly size: number;
  /** False: this process takes no more calls (full, ending, or its driver is down). */
  canTake(): boolean;
  /** Takes a call that was just stored with a lease of ours in hand, and starts it. Never throws. */
  begin(call: Call): void;
  /**
   * Does what a client asks of a call, by whoever has it in hand: here, or over `calls.cmd.<callId>`. The end of a call
   * (`call.end`, the action `hangup`) needs nobody: the database is asked, and whoever has it in hand learns of it; a
   * second `call.end` changes nothing. Whether the principal may do so is checked before; it is what the owner is told.
   *
   * @throws CALL_NOT_ACTIVE when it is over, or not far enough for that action; INVALID_INPUT for what the leg cannot
   * take; BAD_GATEWAY when the far side refuses; RATE_LIMIT_EXCEEDED after too many of them; SERVICE_UNAVAILABLE,
   * GATEWAY_TIMEOUT when its owner cannot be reached
   */
  perform(call: Pick<Call, 'id' | 'account_id'>, message: CallMessage, by: Requester): Promise<void>;
}

export interface Requester {
  readonly principal: Principal;
  /** Of a socket; requests over HTTP have none. */
  readonly connectionId?: string;
}
