import { detectSpeech, type SpeechSpan } from '../audio/detect-speech.ts';

export interface SpeechPiece {
  readonly channel: number;
  /** Of the speech in it, seconds from the start of the recording. */
  readonly start_s: number;
  readonly end_s: number;
  /** Where the samples begin: a little before the speech. */
  readonly from_s: number;
  readonly samples: Float32Array<ArrayBuffer>;
}

const rate = 16_000;
/** A recogniser needs a little silence to find a beginning and an end. Seconds. */
const roomBefore = 0.2;
const roomAfter = 0.25;
const frameSamples = 160;
/** A channel that is so much quieter than the other one while both move alike carries the other one's voice. */
const leakRatio = 10 ** (-12 / 20);
const leakCorrelation = 0.8;

/**
 * Cuts the speech of all channels at pauses, and speech without pauses at its quietest moments, into pieces of at most
 * `secondsMax`. Leaves out what is only the other party's voice leaking into a channel. In order of time.
 */
export async function cutSpeech(
  channels: readonly Float32Array<ArrayBuffer>[],
  secondsMax: number,
): Promise<SpeechPiece[]> {
  const pieces: SpeechPiece[] = [];
  for (const [channel, samples] of channels.entries()) {
    const others = channels.filter((_, index) => index !== channel);
    const spans = (await detectSpeech(samples)).flatMap((span) => splitSpan(samples, span, secondsMax));
    const speech = spans.filter((span) => !others.some((other) => isLeak(samples, other, span)));
    for (const [index, span] of speech.entries()) {
      const before = speech[index - 1]?.end_s ?? 0;
      const after = speech[index + 1]?.start_s ?? samples.length / rate;
      const from = Math.max(0, span.start_s - Math.min(roomBefore, (span.start_s - before) / 2));
      const to = span.end_s + Math.min(roomAfter, (after - span.end_s) / 2);
      pieces.push({
        channel,
        start_s: span.start_s,
        end_s: span.end_s,
        from_s: from,
        samples: samples.slice(Math.round(from * rate), Math.round(to * rate)),
      });
    }
  }
  return pieces.sort((left, right) => left.start_s - right.start_s || left.channel - right.channel);
}

function splitSpan(samples: Float32Array, span: SpeechSpan, secondsMax: number): SpeechSpan[] {
  if (span.end_s - span.start_s <= secondsMax) return [span];
  // The later half only: a recogniser does better with long pieces.
  const from = Math.round((span.start_s + secondsMax / 2) * rate);
  const to = Math.round((span.start_s + secondsMax) * rate);
  const window = frameSamples * 8;
  let quietest = to;
  let lowest = Number.POSITIVE_INFINITY;
  for (let start = from; start + window <= to; start += frameSamples) {
    const level = readRms(samples, start, start + window);
    if (level < lowest) {
      lowest = level;
      quietest = start + window / 2;
    }
  }
  const cut = Math.round((quietest / rate) * 1_000) / 1_000;
  return [
    { start_s: span.start_s, end_s: cut },
    ...splitSpan(samples, { start_s: cut, end_s: span.end_s }, secondsMax),
  ];
}

/** Root mean square of a stretch; positions are sample numbers. */
export function readRms(samples: Float32Array, from: number, to: number): number {
  let energy = 0;
  const end = Math.min(samples.length, to);
  for (let index = from; index < end; index += 1) energy += (samples[index] ?? 0) ** 2;
  return end > from ? Math.sqrt(energy / (end - from)) : 0;
}

function isLeak(own: Float32Array, other: Float32Array, span: SpeechSpan): boolean {
  const from = Math.round(span.start_s * rate);
  const to = Math.round(span.end_s * rate);
  if (readRms(own, from, to) > readRms(other, from, to) * leakRatio) return false;
  const levels: [number, number][] = [];
  for (let start = from; start + frameSamples <= to; start += frameSamples)
    levels.push([readRms(own, start, start + frameSamples), readRms(other, start, start + frameSamples)]);
  return correlate(levels) > leakCorrelation;
}

function correlate(pairs: readonly (readonly [number, number])[]): number {
  const meanLeft = pairs.reduce((sum, [left]) => sum + left, 0) / pairs.length;
  const meanRight = pairs.reduce((sum, [, right]) => sum + right, 0) / pairs.length;
  let product = 0;
  let squareLeft = 0;
  let squareRight = 0;
  for (const [left, right] of pairs) {
    product += (left - meanLeft) * (right - meanRight);
    squareLeft += (left - meanLeft) ** 2;
    squareRight += (right - meanRight) ** 2;
  }
  return product / Math.max(1e-12, Math.sqrt(squareLeft * squareRight));
}
