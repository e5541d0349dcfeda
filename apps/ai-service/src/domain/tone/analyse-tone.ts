import type { ToneAnalysis, TranscriptSegment } from '@switchboard/contracts';
import type { SpeechSpan } from '../audio/detect-speech.ts';
import {
  collectTurns,
  findInterruptions,
  findLatencies,
  findOwnPauses,
  findPauses,
  type Latency,
  unite,
  withoutLeaks,
} from './conversation.ts';
import { type ChannelMeasures, framesOf, measureChannel } from './measure-channel.ts';
import { findRedFlags } from './red-flags.ts';
import { scoreTone } from './score-tone.ts';
import { median, percentile, round, roundOrNull, sumOf } from './statistics.ts';

export interface ToneInput {
  /** One array of samples (−1 … 1) for each channel, all of one length. */
  readonly channels: readonly Float32Array[];
  readonly sampleRate: 16_000;
  /** Gives words a minute when the call was transcribed. */
  readonly segments?: readonly TranscriptSegment[];
  /** Labels of the channels as the transcript has them; default speaker_1, speaker_2 … */
  readonly speakers?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Less speech than this says nothing of a rate. Seconds. */
const rateSecondsMin = 2;

const engine: ToneAnalysis['engine'] = {
  engine: 'switchboard-tone',
  model: 'fvad + pitchy',
  version: '1.0.0',
  kind: 'signal',
  quality: 'good',
  note: null,
};

/**
 * Says how a call sounded, from its samples.
 *
 * Two channels that hold the same sound count as one; with one channel nobody can be told apart, and what needs two
 * speakers is null. Takes about 1.5 s of one core for each ten minutes and channel, handing the event loop back every
 * 20 ms or so. The same samples give the same figures. Throws RangeError for another sample rate or no channel, and
 * the signal's reason when aborted.
 */
export async function analyseTone(input: ToneInput): Promise<ToneAnalysis> {
  if (input.sampleRate !== 16_000)
    throw new RangeError(`analyseTone takes 16 kHz samples, not ${input.sampleRate} Hz.`);
  if (input.channels.length === 0) throw new RangeError('analyseTone needs at least one channel.');
  const distinct = distinctChannels(input.channels);
  const measured: ChannelMeasures[] = [];
  for (const channel of distinct) measured.push(await measureChannel(channel, input.signal));
  const channels = withoutLeaks(measured);
  const speakers = channels.map((_, index) => input.speakers?.[index] ?? `speaker_${index + 1}`);
  return describe(channels, speakers, (distinct[0]?.length ?? 0) / input.sampleRate, input.segments);
}

function describe(
  channels: readonly ChannelMeasures[],
  speakers: readonly string[],
  durationSeconds: number,
  segments: readonly TranscriptSegment[] | undefined,
): ToneAnalysis {
  const several = channels.length > 1;
  const turns = channels.flatMap((channel, index) => collectTurns(channel.spans, index));
  const speech = unite(channels.flatMap((channel) => channel.spans));
  const speechSeconds = lengthOf(speech);
  const talks = channels.map((channel) => lengthOf(channel.spans));
  const talkTotal = sumOf(talks);
  const talkShares = talks.map((talk) => (talkTotal === 0 ? 0 : talk / talkTotal));
  const interruptions = findInterruptions(turns);
  const latencies = findLatencies(turns);
  const pauses = findPauses(speech);
  const silenceShare =
    durationSeconds === 0 ? 0 : Math.min(1, Math.max(0, 1 - speechSeconds / durationSeconds));
  const redFlags = findRedFlags({
    durationSeconds,
    speakers,
    channels,
    talkShares,
    speech,
    interruptions,
    latencies,
  });
  const pitch = describePitch(channels);
  const rate = describeRate(channels, talkTotal, segments);
  const ranges = channels
    .map((channel) => describePitch([channel]).range_semitones)
    .filter((range) => range !== null);
  const { score, parts } = scoreTone({
    minutes: durationSeconds / 60,
    speechSeconds,
    silenceShare,
    longSilences: redFlags.filter((flag) => flag.kind === 'long_silence').length,
    raisedSeconds: sumOf(
      redFlags.filter((flag) => flag.kind === 'raised_voice').map((flag) => flag.end_s - flag.at_s),
    ),
    syllablesPerSecond: rate.syllables_per_s,
    pitchRangeSemitones: ranges.length === 0 ? null : sumOf(ranges) / ranges.length,
    interruptionsPerMinute: several ? interruptions.length / Math.max(1, durationSeconds / 60) : null,
    largestTalkShare: several ? Math.max(...talkShares) : null,
  });
  const [firstTalk = 0, ...otherTalks] = talks;
  const otherTalk = sumOf(otherTalks);

  return {
    engine,
    duration_s: round(durationSeconds, 3),
    speech_s: round(speechSeconds, 2),
    silence_share: round(silenceShare, 3),
    energy: describeEnergy(channels),
    pitch,
    speech_rate: rate,
    pauses: describePauses(pauses),
    talk_listen_ratio: several && otherTalk > 0 ? round(firstTalk / otherTalk, 2) : null,
    interruptions: several
      ? {
          count: interruptions.length,
          overlap_s: round(sumOf(interruptions.map((overlap) => overlap.seconds)), 2),
          events: interruptions.map((overlap) => ({
            at_s: round(overlap.at, 2),
            by: speakers[overlap.by] ?? '',
            interrupted: speakers[overlap.interrupted] ?? '',
            overlap_s: round(overlap.seconds, 2),
          })),
        }
      : null,
    response_latency: several ? describeLatency(latencies) : null,
    speakers: channels.map((channel, index) => {
      const speaker = speakers[index] ?? '';
      const others = channels.filter((other) => other !== channel).flatMap((other) => other.spans);
      return {
        speaker,
        talk_s: round(talks[index] ?? 0, 2),
        talk_share: several ? round(talkShares[index] ?? 0, 3) : null,
        energy: describeEnergy([channel]),
        pitch: describePitch([channel]),
        speech_rate: describeRate(
          [channel],
          talks[index] ?? 0,
          several ? segments?.filter((segment) => segment.speaker === speaker) : segments,
        ),
        pauses: describePauses(findOwnPauses(channel.spans, others)),
        interruptions: several ? interruptions.filter((overlap) => overlap.by === index).length : null,
        response_latency: several
          ? describeLatency(latencies.filter((latency) => latency.speaker === index))
          : null,
      };
    }),
    red_flags: redFlags,
    score,
    score_parts: parts,
  };
}

/** A stereo file made from a mono recording has one sound twice: one of them is dropped. */
function distinctChannels(channels: readonly Float32Array[]): readonly Float32Array[] {
  const [first, second] = channels;
  if (first === undefined || second === undefined || channels.length !== 2) return channels;
  let difference = 0;
  let energy = 0;
  for (let index = 0; index < first.length; index += 7) {
    const left = first[index] ?? 0;
    const right = second[index] ?? 0;
    difference += (left - right) ** 2;
    energy += left ** 2 + right ** 2;
  }
  return energy > 0 && difference / energy < 0.0005 ? [first] : channels;
}

function describeEnergy(channels: readonly ChannelMeasures[]): ToneAnalysis['energy'] {
  const levels = channels.flatMap((channel) =>
    [...framesOf(channel.spans, channel.levels.length)].map((frame) => channel.levels[frame] ?? 0),
  );
  if (levels.length === 0) return { mean_dbfs: null, range_db: null };
  const power = sumOf(levels.map((level) => 10 ** (level / 10))) / levels.length;
  const range = (percentile(levels, 0.95) ?? 0) - (percentile(levels, 0.05) ?? 0);
  return { mean_dbfs: round(10 * Math.log10(power), 1), range_db: round(range, 1) };
}

/** Range is from the 5th to the 95th percentile: single slips of the method do not stretch it. */
function describePitch(channels: readonly ChannelMeasures[]): ToneAnalysis['pitch'] {
  const voiced = channels.flatMap((channel) => [...channel.pitches].filter((hertz) => hertz > 0));
  const low = percentile(voiced, 0.05);
  const high = percentile(voiced, 0.95);
  return {
    median_hz: roundOrNull(median(voiced), 1),
    low_hz: roundOrNull(low, 1),
    high_hz: roundOrNull(high, 1),
    range_hz: low === null || high === null ? null : round(high - low, 1),
    range_semitones: low === null || high === null ? null : round(12 * Math.log2(high / low), 1),
  };
}

function describeRate(
  channels: readonly ChannelMeasures[],
  talkSeconds: number,
  segments: readonly TranscriptSegment[] | undefined,
): ToneAnalysis['speech_rate'] {
  if (talkSeconds < rateSecondsMin) return { syllables_per_s: null, words_per_min: null };
  const nuclei = sumOf(channels.map((channel) => channel.nuclei.length));
  const words =
    segments === undefined
      ? null
      : sumOf(segments.map((segment) => segment.text.match(/[\p{L}\p{N}'’]+/gu)?.length ?? 0));
  return {
    syllables_per_s: round(nuclei / talkSeconds, 2),
    words_per_min: words === null ? null : round((words / talkSeconds) * 60, 0),
  };
}

function describePauses(pauses: readonly SpeechSpan[]): ToneAnalysis['pauses'] {
  const lengths = pauses.map((pause) => pause.end_s - pause.start_s);
  return {
    count: lengths.length,
    longest_s: round(Math.max(0, ...lengths), 2),
    total_s: round(sumOf(lengths), 2),
  };
}

function describeLatency(latencies: readonly Latency[]): NonNullable<ToneAnalysis['response_latency']> {
  const lengths = latencies.map((latency) => latency.seconds);
  return {
    count: lengths.length,
    median_s: roundOrNull(median(lengths), 2),
    longest_s: lengths.length === 0 ? null : round(Math.max(...lengths), 2),
  };
}

function lengthOf(spans: readonly SpeechSpan[]): number {
  return sumOf(spans.map((span) => span.end_s - span.start_s));
}
