import type { Bus } from '@switchboard/bus';
import {
  type CallFrameType,
  type callFrames,
  callsRealtime,
  realtimeHeaders,
  realtimeSubject,
  renderFrame,
} from '@switchboard/contracts';
import type { z } from 'zod';

/** A frame that is stored, or about to be. */
export interface StoredFrame {
  readonly callId: string;
  readonly sequence: number;
  readonly type: CallFrameType;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
  /** True: no frame follows this one. */
  readonly isFinal: boolean;
}

export type FrameData<Type extends CallFrameType> = z.input<(typeof callFrames)[Type]>;

/** The text that every follower gets. */
export const frameText = ({ callId, sequence, type, data, at }: Omit<StoredFrame, 'isFinal'>): string =>
  renderFrame(callsRealtime.topicField, callId, { type, sequence, timestamp: at.toISOString(), data });

/** Tells followers, after the commit. Whatever is lost here is noticed by its number and asked for. */
export const publishFrames = (bus: Pick<Bus, 'publishNow'>, frames: readonly StoredFrame[]): void => {
  for (const frame of frames) {
    bus.publishNow(realtimeSubject(callsRealtime.kind, frame.callId), frameText(frame), {
      [realtimeHeaders.sequence]: String(frame.sequence),
      ...(frame.isFinal ? { [realtimeHeaders.final]: '1' } : {}),
    });
  }
};
