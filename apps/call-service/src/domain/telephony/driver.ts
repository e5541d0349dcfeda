import type { CallReason, CallType, IceCandidate } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *driver*: what carries calls to the telephone network. *Leg*: the telephone side of one call, in the hands
 * of a driver. *Offer* and *answer*: session descriptions (RFC 3264) of the browser's side. *Reference*: what a driver
 * needs to find a leg again after this process died; plain JSON.
 *
 * One call has one leg, and one process has it in hand. Events of a leg come in order; the first terminal one
 * (`hungUp`, `failed`) is the last. A driver owns its timers (spec: telephony): what stays silent for too long is an event.
 */
export interface LegRequest {
  readonly callId: string;
  readonly accountId: string;
  readonly name: string;
  /** E.164, perhaps without its `+`. */
  readonly phone: string;
  readonly callType: CallType;
  readonly startedAt: Date;
  /** Kept with the call before anything is dialled. */
  keep(reference: LegReference): Promise<void>;
  /** Tells what happened. Never throws, and never waits for whoever listens. */
  onEvent(event: LegEvent): void;
}

export type LegReference = Readonly<Record<string, unknown>>;

/** A call that another process had in hand. */
export interface LostLeg extends LegRequest {
  readonly reference: LegReference | null;
  readonly status: 'initializing' | 'ringing' | 'connected';
  /** An offer was answered: somebody's audio hangs on it. */
  readonly hasMedia: boolean;
  readonly isMuted: boolean;
  readonly isOnHold: boolean;
  readonly ringingAt: Date | null;
  readonly connectedAt: Date | null;
}

export type LegEvent =
  | { readonly type: 'ringing' }
  | { readonly type: 'answered' }
  /** Answers the last offer. */
  | { readonly type: 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: IceCandidate }
  /** The far end hung up, or was never reached: `remote_hangup`, `busy`, `no_answer`, `rejected`, `unreachable`. */
  | { readonly type: 'hungUp'; readonly cause: CallReason }
  /** The driver's side broke: `media_failed`, `unreachable`, `service_lost` (what carried the call is gone, and did not come back). */
  | { readonly type: 'failed'; readonly code: CallReason };

export type LegAction =
  | { readonly action: 'mute' | 'unmute' | 'hold' | 'resume' }
  | { readonly action: 'dtmf'; readonly dtmfDigit: string }
  | { readonly action: 'transfer'; readonly target: string };

/** The methods of a leg are called one after another. After `end`, `release` and a terminal event nothing else is called. */
export interface Leg {
  /** The browser's offer; the `answer` event follows. A later offer renegotiates. Throws AppError INVALID_INPUT for SDP that is none. */
  offer(sdp: string): Promise<void>;
  candidate(candidate: IceCandidate): Promise<void>;
  /** Throws when the far side refuses. */
  act(action: LegAction): Promise<void>;
  /** Hangs up and lets go of everything. Safe to call twice, and after a terminal event. */
  end(): Promise<void>;
  /**
   * Lets go of everything here, but does not hang up: another process has the call in hand now, or will `resume` it. What
   * lives outside of this process (a telephone exchange) lives on; what lives in it (the audio of loopback) is gone. No
   * event follows. Safe to call twice.
   */
  release(): Promise<void>;
}

export interface TelephonyDriver {
  readonly name: string;
  /** False: no call can be made right now; starting one is refused with CONNECTION_ERROR. */
  isUp(): boolean;
  /** Begins to call. Gives the leg at once; what becomes of it comes as events. */
  start(request: LegRequest): Promise<Leg>;
  /** Takes over what another process had in hand; null when it cannot be, which ends the call as `service_lost`. */
  resume(lost: LostLeg): Promise<Leg | null>;
  /** Releases all legs that are left. */
  close(): Promise<void>;
}
