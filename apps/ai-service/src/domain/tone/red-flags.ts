import type { ToneAnalysis } from '@switchboard/contracts';
import type { SpeechSpan } from '../audio/detect-speech.ts';
import type { Latency, Overlap } from './conversation.ts';
import { type ChannelMeasures, frameSeconds, framesOf } from './measure-channel.ts';
import { median, round } from './statistics.ts';

type RedFlag = ToneAnalysis['red_flags'][number];
type Severity = RedFlag['severity'];

export interface FlagInput {
  readonly durationSeconds: number;
  readonly speakers: readonly string[];
  readonly channels: readonly ChannelMeasures[];
  readonly talkShares: readonly number[];
  readonly speech: readonly SpeechSpan[];
  readonly interruptions: readonly Overlap[];
  readonly latencies: readonly Latency[];
}

const longSilenceSeconds = 6;
const slowAnswerSeconds = 4;
const talkOverSeconds = 1.5;
const raisedDb = 6;
const raisedSemitones = 2.5;
const fastSyllables = 6.5;
const oneSidedShare = 0.85;
const oneSidedSpeechSeconds = 20;

/** Moments a supervisor should listen to, in order of time. */
export function findRedFlags(input: FlagInput): RedFlag[] {
  const speechSeconds = input.speech.reduce((sum, span) => sum + span.end_s - span.start_s, 0);
  if (speechSeconds < 1)
    return [flag('no_speech', 'high', 0, input.durationSeconds, null, 'Nobody speaks in this recording.')];
  const flags: RedFlag[] = [
    ...silences(input),
    ...input.interruptions
      .filter((overlap) => overlap.seconds >= talkOverSeconds)
      .map((overlap) => talkOver(input, overlap)),
    ...input.latencies
      .filter((latency) => latency.seconds >= slowAnswerSeconds && latency.seconds < longSilenceSeconds)
      .map((latency) =>
        flag(
          'slow_response',
          'low',
          latency.at,
          latency.at + latency.seconds,
          nameOf(input, latency.speaker),
          `${nameOf(input, latency.speaker)} took ${round(latency.seconds, 1)} s to answer.`,
        ),
      ),
  ];
  for (const [index, channel] of input.channels.entries()) {
    const speaker = nameOf(input, index);
    flags.push(...raisedVoice(channel, speaker), ...fastSpeech(channel, speaker));
    const share = input.talkShares[index] ?? 0;
    if (input.channels.length > 1 && share >= oneSidedShare && speechSeconds >= oneSidedSpeechSeconds)
      flags.push(
        flag(
          'one_sided',
          share > 0.95 ? 'medium' : 'low',
          0,
          input.durationSeconds,
          speaker,
          `${speaker} does ${Math.round(share * 100)} % of the talking.`,
        ),
      );
  }
  return flags.sort((left, right) => left.at_s - right.at_s || left.kind.localeCompare(right.kind));
}

function silences(input: FlagInput): RedFlag[] {
  const edges = [
    { start_s: 0, end_s: 0 },
    ...input.speech,
    { start_s: input.durationSeconds, end_s: input.durationSeconds },
  ];
  return edges.flatMap((span, index) => {
    const next = edges[index + 1];
    const seconds = next === undefined ? 0 : next.start_s - span.end_s;
    if (next === undefined || seconds < longSilenceSeconds) return [];
    const severity: Severity = seconds >= 20 ? 'high' : seconds >= 10 ? 'medium' : 'low';
    return [
      flag(
        'long_silence',
        severity,
        span.end_s,
        next.start_s,
        null,
        `Nobody speaks for ${round(seconds, 1)} s.`,
      ),
    ];
  });
}

function talkOver(input: FlagInput, overlap: Overlap): RedFlag {
  const by = nameOf(input, overlap.by);
  const other = nameOf(input, overlap.interrupted);
  const severity: Severity = overlap.seconds >= 4 ? 'high' : overlap.seconds >= 2.5 ? 'medium' : 'low';
  return flag(
    'talk_over',
    severity,
    overlap.at,
    overlap.at + overlap.seconds,
    by,
    `${by} talks over ${other} for ${round(overlap.seconds, 1)} s.`,
  );
}

/** Seconds of speech far louder and higher than the speaker's own usual voice, neighbours joined. */
function raisedVoice(channel: ChannelMeasures, speaker: string): RedFlag[] {
  const seconds = measureSeconds(channel);
  if (seconds.length < 6) return [];
  const usualLevel = median(seconds.map((second) => second.level)) ?? 0;
  const usualPitch = median(seconds.map((second) => second.pitch)) ?? 1;
  const loud = seconds.filter(
    (second) =>
      second.level >= usualLevel + raisedDb && 12 * Math.log2(second.pitch / usualPitch) >= raisedSemitones,
  );
  const joined: { from: number; to: number; level: number }[] = [];
  for (const second of loud) {
    const last = joined.at(-1);
    if (last !== undefined && second.at - last.to <= 1) {
      last.to = second.at + 1;
      last.level = Math.max(last.level, second.level);
    } else joined.push({ from: second.at, to: second.at + 1, level: second.level });
  }
  return joined.map(({ from, to, level }) => {
    const above = level - usualLevel;
    const severity: Severity =
      above >= 12 || to - from >= 5 ? 'high' : above >= 9 || to - from >= 3 ? 'medium' : 'low';
    return flag(
      'raised_voice',
      severity,
      from,
      to,
      speaker,
      `${speaker} is up to ${round(above, 0)} dB louder than usual, and higher.`,
    );
  });
}

function measureSeconds(channel: ChannelMeasures): { at: number; level: number; pitch: number }[] {
  const frames = new Map<number, { levels: number[]; pitches: number[] }>();
  for (const frame of framesOf(channel.spans, channel.levels.length)) {
    const at = Math.floor(frame * frameSeconds);
    const second = frames.get(at) ?? { levels: [], pitches: [] };
    frames.set(at, second);
    const pitch = channel.pitches[frame] ?? 0;
    if (pitch > 0) {
      second.levels.push(channel.levels[frame] ?? 0);
      second.pitches.push(pitch);
    }
  }
  return [...frames].flatMap(([at, { levels, pitches }]) => {
    const level = median(levels);
    const pitch = median(pitches);
    return level !== null && pitch !== null && pitches.length >= 20 ? [{ at, level, pitch }] : [];
  });
}

/** Stretches of ten seconds with at least five of speech, spoken faster than listeners follow. */
function fastSpeech(channel: ChannelMeasures, speaker: string): RedFlag[] {
  const talk = new Map<number, number>();
  for (const frame of framesOf(channel.spans, channel.levels.length)) {
    const window = Math.floor((frame * frameSeconds) / 10);
    talk.set(window, (talk.get(window) ?? 0) + frameSeconds);
  }
  const syllables = new Map<number, number>();
  for (const at of channel.nuclei)
    syllables.set(Math.floor(at / 10), (syllables.get(Math.floor(at / 10)) ?? 0) + 1);
  return [...talk].flatMap(([window, seconds]) => {
    const rate = (syllables.get(window) ?? 0) / seconds;
    if (seconds < 5 || rate < fastSyllables) return [];
    return [
      flag(
        'fast_speech',
        rate >= 7.5 ? 'medium' : 'low',
        window * 10,
        window * 10 + 10,
        speaker,
        `${speaker} speaks ${round(rate, 1)} syllables a second.`,
      ),
    ];
  });
}

function nameOf(input: FlagInput, index: number): string {
  return input.speakers[index] ?? `speaker_${index + 1}`;
}

function flag(
  kind: RedFlag['kind'],
  severity: Severity,
  from: number,
  to: number,
  speaker: string | null,
  description: string,
): RedFlag {
  return { kind, severity, at_s: round(from, 2), end_s: round(to, 2), speaker, description };
}
