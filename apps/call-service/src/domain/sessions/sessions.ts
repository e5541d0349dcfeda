import type { CallMessage } from '@switchboard/contracts';
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
   * needs nobody: the database is asked, and whoever has it in hand learns of it.
   *
   * @throws CALL_NOT_ACTIVE when it is over, INVALID_INPUT for what the leg cannot take, SERVICE_UNAVAILABLE when its
   * owner cannot be reached
   */
  perform(call: Pick<Call, 'id' | 'account_id'>, message: CallMessage): Promise<void>;
  /** Asked on `calls.cmd.<callId>`, of a call that this process has in hand. Throws as `perform`. */
  performHere(callId: string, message: CallMessage): Promise<void>;
}
