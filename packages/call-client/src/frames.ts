/**
 * What goes over a call's socket.
 *
 * TERMINOLOGY — *frame*: one message of the server about the call. Its sequence ascends, and it is the same for everybody
 * who follows the call. *Private frame*: an answer to one socket alone (a refused command, `pong`); it repeats the
 * sequence of the frame before it and is no part of the call's history.
 */
export type CallType = 'inbound' | 'outbound' | 'audio' | 'video';
export type CallStatus = 'initializing' | 'ringing' | 'connected' | 'ended' | 'failed';
export type CallActionName = 'mute' | 'unmute' | 'hold' | 'resume' | 'dtmf' | 'transfer' | 'hangup';

/** How a call that took place ended. */
export type EndReason = 'hangup' | 'remote_hangup' | 'max_duration' | 'service_lost';
/** Why a call came to nothing, or broke. */
export type FailureReason = 'busy' | 'no_answer' | 'rejected' | 'unreachable' | 'media_failed';
export type CallReason = EndReason | FailureReason;

/** `data` of each type of frame. Times are ISO 8601 in UTC, durations whole seconds. */
export interface FrameData {
  'call.initialized': { readonly name: string; readonly phone: string; readonly callType: CallType };
  'call.ringing': Readonly<Record<string, never>>;
  'call.connected': { readonly connectedAt: string };
  /** The last frame of a call. */
  'call.ended': { readonly endTime: string; readonly duration: number; readonly reason: CallReason };
  'call.error': ErrorData;
  'call.action': {
    readonly action: CallActionName;
    readonly status: 'performed' | 'failed';
    readonly dtmfDigit?: string;
    readonly target?: string;
  };
  'media.answer': { readonly sdp: string };
  'media.candidate': { readonly candidate: RTCIceCandidateInit | null };
  'media.hangup': Readonly<Record<string, never>>;
}

export interface ErrorData {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type FrameType = keyof FrameData;

interface FrameOf<Type extends FrameType> {
  readonly type: Type;
  readonly callId: string;
  /** Ascends; starts at 1. */
  readonly sequence: number;
  /** When it happened, ISO 8601 in UTC. */
  readonly timestamp: string;
  readonly data: FrameData[Type];
}

/** A frame; narrowing `type` narrows `data`. */
export type Frame = { [Type in FrameType]: FrameOf<Type> }[FrameType];

/** As it comes: a later server may send types that this client does not know. */
export interface RawFrame {
  readonly type: string;
  readonly callId?: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: unknown;
}

/** What a follower sends; `id` comes back in the answer that refuses it. */
export interface Message {
  readonly type: 'media.offer' | 'media.candidate' | 'call.action' | 'call.end' | 'ping';
  readonly data: Readonly<Record<string, unknown>>;
  readonly id?: string;
}

const FAILURES: readonly string[] = [
  'busy',
  'no_answer',
  'rejected',
  'unreachable',
  'media_failed',
] satisfies FailureReason[];

/** Whether a call that is over for this reason has failed, and not ended. */
export const isFailure = (reason: CallReason): reason is FailureReason => FAILURES.includes(reason);

/** Gives undefined for what is no frame at all. */
export const readFrame = (text: unknown): RawFrame | undefined => {
  if (typeof text !== 'string') return undefined;
  try {
    const frame = JSON.parse(text);
    if (typeof frame !== 'object' || frame === null || typeof frame.type !== 'string') return undefined;
    const { sequence, timestamp = '', data = {} } = frame;
    if (!Number.isSafeInteger(sequence) || sequence < 0) return undefined;
    return { ...frame, timestamp, data };
  } catch {
    return undefined;
  }
};

/** Reads the `data` of a `call.error`, whatever of it is there. */
export const readError = (data: unknown): ErrorData => {
  const { code, message, details } = Object(data) as Partial<Record<keyof ErrorData, unknown>>;
  return {
    code: typeof code === 'string' ? code : 'INTERNAL_ERROR',
    message: typeof message === 'string' ? message : 'The server said no more',
    details: typeof details === 'object' && details !== null ? (details as ErrorData['details']) : {},
  };
};
