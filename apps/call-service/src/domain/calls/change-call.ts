import type { Bus } from '@switchboard/bus';
import {
  type ActionInput,
  type CallFrameType,
  type CallReason,
  callEvents,
  failureReasons,
  type IceCandidate,
} from '@switchboard/contracts';
import { type Emit, transact } from '@switchboard/db';
import type { Call, Data } from '../database.ts';
import { countCalls } from '../logs/figures-repository.ts';
import { lockCall, type RowChanges, updateCall } from './call-repository.ts';
import { insertFrames } from './frame-repository.ts';
import { type FrameData, publishFrames, type StoredFrame } from './frames.ts';

/** What can happen to a call after it began. `at`: when it happened, however late it is written down. */
export type Change =
  | { readonly kind: 'ringing'; readonly at: Date }
  | { readonly kind: 'connected'; readonly at: Date }
  /** `action`: what somebody did to end it, on record in the same transaction. */
  | { readonly kind: 'over'; readonly reason: CallReason; readonly at: Date; readonly action?: ActionInput }
  | { readonly kind: 'answer'; readonly sdp: string; readonly at: Date }
  | { readonly kind: 'candidate'; readonly candidate: IceCandidate; readonly at: Date }
  | {
      readonly kind: 'action';
      readonly input: ActionInput;
      readonly status: 'performed' | 'failed';
      readonly at: Date;
    };

export interface ChangeDeps {
  readonly data: Data;
  readonly bus: Pick<Bus, 'publishNow'>;
  /** For figures: this process wrote the end of a call. */
  readonly onOver?: ((reason: CallReason) => void) | undefined;
}

export interface ChangeOptions {
  /** Refuses when another process has the call in hand: of two that believe they have it, one is right. */
  readonly owner?: string;
  /** Changes nothing when the call's last frame is another one: an earlier try was committed after all. */
  readonly after?: number;
}

/** Nothing changes it any more. */
export const isOver = ({ status }: Call): boolean => status === 'ended' || status === 'failed';

const wholeSeconds = (from: Date, to: Date): number =>
  Math.max(0, Math.floor((to.getTime() - from.getTime()) / 1000));

const failureWords: Readonly<Record<(typeof failureReasons)[number], string>> = {
  busy: 'The line is busy',
  no_answer: 'Nobody answered',
  rejected: 'The call was rejected',
  unreachable: 'The number cannot be reached',
  media_failed: 'The audio connection failed',
};
const isFailure = (reason: CallReason): reason is (typeof failureReasons)[number] =>
  failureReasons.some((failure) => failure === reason);

/** Collects what a change does to the row, to the socket and to the outbox. */
const createWriter = (call: Call, at: Date) => {
  const frames: StoredFrame[] = [];
  return {
    frames,
    say<Type extends CallFrameType>(type: Type, data: FrameData<Type>, isFinal = false) {
      const sequence = call.last_sequence + frames.length + 1;
      frames.push({ callId: call.id, sequence, type, data, at, isFinal });
      return sequence;
    },
  };
};

const eventData = (call: Call, sequence: number, at: Date) => ({
  call_id: call.id,
  account_id: call.account_id,
  name: call.name,
  phone: call.phone,
  call_type: call.call_type,
  sequence,
  at: at.toISOString(),
});

const flagsOf = (action: ActionInput['action']): RowChanges => {
  switch (action) {
    case 'mute':
      return { is_muted: true };
    case 'unmute':
      return { is_muted: false };
    case 'hold':
      return { is_on_hold: true };
    case 'resume':
      return { is_on_hold: false };
    default:
      return {};
  }
};

/** Puts what somebody did on record; gives what it changes. */
const applyAction = (
  call: Call,
  { input, status, at }: Omit<Extract<Change, { kind: 'action' }>, 'kind'>,
  emit: Emit,
  writer: ReturnType<typeof createWriter>,
): RowChanges => {
  const { action, dtmfDigit, target } = input;
  const sequence = writer.say('call.action', {
    action,
    status,
    ...(dtmfDigit === undefined ? {} : { dtmfDigit }),
    ...(target === undefined ? {} : { target }),
  });
  if (status === 'failed') return {};
  emit(callEvents.actionPerformed, {
    ...eventData(call, sequence, at),
    action,
    dtmf_digit: dtmfDigit ?? null,
    target: target ?? null,
  });
  return flagsOf(action);
};

/** Null: nothing changes, because it happened already or cannot happen any more. */
const apply = (
  call: Call,
  change: Change,
  emit: Emit,
  writer: ReturnType<typeof createWriter>,
): RowChanges | null => {
  const { at } = change;
  switch (change.kind) {
    case 'ringing': {
      if (call.status !== 'initializing') return null;
      emit(callEvents.ringing, eventData(call, writer.say('call.ringing', {}), at));
      return { status: 'ringing', ringing_at: at };
    }
    case 'connected': {
      if (call.status === 'connected') return null;
      const sequence = writer.say('call.connected', { connectedAt: at.toISOString() });
      emit(callEvents.connected, eventData(call, sequence, at));
      return { status: 'connected', connected_at: at };
    }
    case 'answer':
      writer.say('media.answer', { sdp: change.sdp });
      return { has_media: true };
    case 'candidate':
      writer.say('media.candidate', { candidate: change.candidate });
      return {};
    case 'action':
      return applyAction(call, change, emit, writer);
    case 'over': {
      const { reason } = change;
      // A clock that went back makes no call end before it began.
      const endedAt = at < call.started_at ? call.started_at : at;
      const duration = wholeSeconds(call.started_at, endedAt);
      const status = isFailure(reason) ? 'failed' : 'ended';
      if (change.action)
        applyAction(call, { input: change.action, status: 'performed', at: endedAt }, emit, writer);
      if (isFailure(reason)) {
        writer.say('call.error', { code: reason, message: failureWords[reason], details: {} });
      }
      if (call.has_media) writer.say('media.hangup', {});
      const sequence = writer.say('call.ended', { endTime: endedAt.toISOString(), duration, reason }, true);
      emit(status === 'failed' ? callEvents.failed : callEvents.ended, {
        ...eventData(call, sequence, endedAt),
        reason,
        started_at: call.started_at.toISOString(),
        connected_at: call.connected_at?.toISOString() ?? null,
        duration_seconds: duration,
      });
      return {
        status,
        reason,
        ended_at: endedAt,
        duration_seconds: duration,
        lease_owner: null,
        lease_until: null,
      };
    }
  }
};

/**
 * The one way in which a call changes: row, frame and event in one transaction, then the followers are told. Gives the call
 * as it is afterwards, and whether this change changed it; null when there is no such call, or when it is in other hands.
 * What happens to a call that is over changes nothing, so that its end is written once, whoever is first.
 */
export const changeCall = async (
  { data, bus, onOver }: ChangeDeps,
  id: string,
  change: Change,
  { owner, after: expected }: ChangeOptions = {},
): Promise<{ readonly call: Call; readonly changed: boolean } | null> => {
  const done = await transact(data, async ({ trx, emit }) => {
    const call = await lockCall(trx, id);
    if (!call) return null;
    if (isOver(call)) return { call, frames: [], changed: false };
    if (owner !== undefined && call.lease_owner !== owner) return null;
    if (expected !== undefined && call.last_sequence !== expected)
      return { call, frames: [], changed: false };
    const writer = createWriter(call, change.at);
    const changes = apply(call, change, emit, writer);
    if (changes === null) return { call, frames: [], changed: false };
    await insertFrames(trx, writer.frames);
    const after = await updateCall(trx, id, {
      ...changes,
      last_sequence: call.last_sequence + writer.frames.length,
    });
    if (isOver(after)) {
      await countCalls(trx, after.account_id, [
        {
          startedAt: after.started_at,
          callType: after.call_type,
          status: after.status,
          durationSeconds: after.duration_seconds ?? 0,
        },
      ]);
    }
    return { call: after, frames: writer.frames, changed: true };
  });
  if (!done) return null;
  if (done.changed && done.call.reason) onOver?.(done.call.reason);
  publishFrames(bus, done.frames);
  return done;
};
