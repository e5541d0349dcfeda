import type { SpeechSpan } from '../audio/detect-speech.ts';
import type { ChannelMeasures } from './measure-channel.ts';
import { frameSeconds, silenceDbfs } from './measure-channel.ts';

/*
 * TERMINOLOGY
 *   turn          what one speaker says without a longer silence of their own
 *   pause         a silence of at least half a second
 *   interruption  a turn that starts while the other is still in theirs, and goes on: "mm-hm" is none
 *   latency       from the end of one speaker's turn to the start of the other's answer
 */

export interface Turn extends SpeechSpan {
  readonly speaker: number;
}

export interface Overlap {
  readonly at: number;
  readonly by: number;
  readonly interrupted: number;
  readonly seconds: number;
}

export interface Latency {
  readonly speaker: number;
  readonly at: number;
  readonly seconds: number;
}

const pauseSeconds = 0.5;
const turnGapSeconds = 0.7;
const overlapSecondsMin = 0.25;
const interruptionSecondsMin = 0.7;
/** The other must have been at it for a moment: two people starting at once is a collision, not an interruption. */
const headStartSeconds = 0.3;
/** Longer than this is a silence of the call, not somebody taking their time to answer. */
const latencySecondsMax = 10;
/** The other channel's voice, so much quieter in this one, is its echo. */
const leakDb = 15;

/** The channels without what leaked over from another: a span quieter than the same moment elsewhere by 15 dB. */
export function withoutLeaks(channels: readonly ChannelMeasures[]): ChannelMeasures[] {
  return channels.map((channel, index) => ({
    ...channel,
    spans: channel.spans.filter((span) => {
      const from = Math.round(span.start_s / frameSeconds);
      const to = Math.round(span.end_s / frameSeconds);
      let drowned = 0;
      for (let frame = from; frame < to; frame += 1) {
        const own = channel.levels[frame] ?? silenceDbfs;
        if (
          channels.some((other, at) => at !== index && (other.levels[frame] ?? silenceDbfs) >= own + leakDb)
        )
          drowned += 1;
      }
      return drowned < (to - from) * 0.7;
    }),
  }));
}

export function collectTurns(spans: readonly SpeechSpan[], speaker: number): Turn[] {
  const turns: { speaker: number; start_s: number; end_s: number }[] = [];
  for (const span of spans) {
    const last = turns.at(-1);
    if (last !== undefined && span.start_s - last.end_s < turnGapSeconds) last.end_s = span.end_s;
    else turns.push({ speaker, start_s: span.start_s, end_s: span.end_s });
  }
  return turns;
}

/** Times in which at least one of the spans is on. */
export function unite(spans: readonly SpeechSpan[]): SpeechSpan[] {
  const united: { start_s: number; end_s: number }[] = [];
  for (const span of [...spans].sort((left, right) => left.start_s - right.start_s)) {
    const last = united.at(-1);
    if (last !== undefined && span.start_s <= last.end_s) last.end_s = Math.max(last.end_s, span.end_s);
    else united.push({ start_s: span.start_s, end_s: span.end_s });
  }
  return united;
}

/** Silences between the spans of at least half a second. */
export function findPauses(spans: readonly SpeechSpan[]): SpeechSpan[] {
  const pauses: SpeechSpan[] = [];
  for (const [index, span] of spans.entries()) {
    const next = spans[index + 1];
    if (next !== undefined && next.start_s - span.end_s >= pauseSeconds)
      pauses.push({ start_s: span.end_s, end_s: next.start_s });
  }
  return pauses;
}

/** The pauses of one speaker in which nobody else speaks either: they think, or look something up. */
export function findOwnPauses(own: readonly SpeechSpan[], others: readonly SpeechSpan[]): SpeechSpan[] {
  return findPauses(own).filter((pause) =>
    others.every((span) => span.end_s <= pause.start_s || span.start_s >= pause.end_s),
  );
}

export function findInterruptions(turns: readonly Turn[]): Overlap[] {
  const found: Overlap[] = [];
  for (const turn of turns) {
    if (turn.end_s - turn.start_s < interruptionSecondsMin) continue;
    for (const other of turns) {
      if (other.speaker === turn.speaker || other.start_s > turn.start_s - headStartSeconds) continue;
      const seconds = Math.min(other.end_s, turn.end_s) - turn.start_s;
      if (seconds >= overlapSecondsMin)
        found.push({ at: turn.start_s, by: turn.speaker, interrupted: other.speaker, seconds });
    }
  }
  return found.sort((left, right) => left.at - right.at);
}

export function findLatencies(turns: readonly Turn[]): Latency[] {
  const sorted = [...turns].sort((left, right) => left.start_s - right.start_s);
  const found: Latency[] = [];
  let last: Turn | undefined;
  for (const turn of sorted) {
    if (last !== undefined && last.speaker !== turn.speaker && turn.start_s >= last.end_s) {
      const seconds = turn.start_s - last.end_s;
      if (seconds <= latencySecondsMax) found.push({ speaker: turn.speaker, at: last.end_s, seconds });
    }
    if (last === undefined || turn.end_s > last.end_s) last = turn;
  }
  return found;
}
