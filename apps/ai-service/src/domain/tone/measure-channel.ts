import { PitchDetector } from 'pitchy';
import { detectSpeech, type SpeechSpan } from '../audio/detect-speech.ts';
import { median } from './statistics.ts';

/*
 * TERMINOLOGY
 *   frame    10 ms of one channel
 *   level    loudness of a frame in dBFS
 *   voiced   a frame in which the vocal folds swing: it has a pitch
 *   nucleus  the loud middle of a syllable
 */

export interface ChannelMeasures {
  readonly spans: readonly SpeechSpan[];
  /** dBFS of every frame. */
  readonly levels: Float32Array;
  /** Hz of every frame; 0 where nothing is voiced or nobody speaks. */
  readonly pitches: Float32Array;
  /** Times of the syllable nuclei, seconds. */
  readonly nuclei: readonly number[];
}

export const frameSeconds = 0.01;
export const silenceDbfs = -100;
const frameSamples = 160;
const pitchLowHz = 60;
const pitchHighHz = 500;
/** Half the rate is plenty for a voice's pitch and halves the time: 35 µs a window instead of 75 µs. */
const pitchRate = 8_000;
const pitchWindow = 512;
const clarityMin = 0.88;
/** Pitch moves slowly: every second frame is measured, its neighbour takes its value. */
const pitchEveryFrames = 2;
/** 500 windows of pitch are about 20 ms: the longest the event loop is held. */
const yieldEveryFrames = 1_000;
/**
 * Between two syllables the level falls at least this much (after de Jong & Wempe 2009). On three voices with known
 * words this counts 102, 88 and 106 % of the syllables; asking for a pitch at each, as they do, loses up to half.
 */
const dipDb = 1.5;
/** Peaks this far below the speaker's loud speech are breaths and echoes. */
const nucleusBelowDb = 25;

/** Measures one channel: where somebody speaks, how loud, how high, and when the syllables come. */
export async function measureChannel(samples: Float32Array, signal?: AbortSignal): Promise<ChannelMeasures> {
  signal?.throwIfAborted();
  const spans = await detectSpeech(samples, 16_000);
  signal?.throwIfAborted();
  const levels = await measureLevels(samples, signal);
  const pitches = await trackPitch(samples, spans, signal);
  return { spans, levels, pitches, nuclei: findNuclei(spans, levels) };
}

/** Frames of a channel that lie in the spans, in order. */
export function* framesOf(spans: readonly SpeechSpan[], frames: number): Generator<number> {
  for (const span of spans) {
    const to = Math.min(frames, Math.round(span.end_s / frameSeconds));
    for (let frame = Math.round(span.start_s / frameSeconds); frame < to; frame += 1) yield frame;
  }
}

async function measureLevels(samples: Float32Array, signal?: AbortSignal): Promise<Float32Array> {
  const frames = Math.floor(samples.length / frameSamples);
  const levels = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame += 1) {
    let energy = 0;
    for (let index = frame * frameSamples; index < (frame + 1) * frameSamples; index += 1) {
      const sample = samples[index] ?? 0;
      energy += sample * sample;
    }
    const level = 10 * Math.log10(energy / frameSamples);
    levels[frame] = Number.isFinite(level) ? Math.max(silenceDbfs, level) : silenceDbfs;
    if (frame % 20_000 === 19_999) await breathe(signal);
  }
  return levels;
}

/**
 * Fundamental frequency (McLeod's method, `pitchy`) of every frame within the spans, 60–500 Hz, 0 where unvoiced.
 * Values more than an octave from the channel's median are the method's slips and are dropped.
 */
export async function trackPitch(
  samples: Float32Array,
  spans: readonly SpeechSpan[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  const frames = Math.floor(samples.length / frameSamples);
  const pitches = new Float32Array(frames);
  const detector = PitchDetector.forFloat32Array(pitchWindow);
  const window = new Float32Array(pitchWindow);
  let measured = 0;
  for (const frame of framesOf(spans, frames)) {
    if (frame % pitchEveryFrames !== 0) continue;
    // The window is centred on its frame; two samples become one.
    const start = frame * frameSamples + frameSamples / 2 - pitchWindow;
    for (let index = 0; index < pitchWindow; index += 1) {
      const at = start + index * 2;
      window[index] = ((samples[at] ?? 0) + (samples[at + 1] ?? 0)) / 2;
    }
    const [hertz, clarity] = detector.findPitch(window, pitchRate);
    if (clarity >= clarityMin && hertz >= pitchLowHz && hertz <= pitchHighHz) {
      pitches[frame] = hertz;
      if (frame + 1 < frames) pitches[frame + 1] = hertz;
    }
    measured += pitchEveryFrames;
    if (measured % yieldEveryFrames === 0) await breathe(signal);
  }
  const middle = median([...pitches].filter((hertz) => hertz > 0)) ?? 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const hertz = pitches[frame] ?? 0;
    if (hertz < middle / 2 || hertz > middle * 2) pitches[frame] = 0;
  }
  return pitches;
}

function findNuclei(spans: readonly SpeechSpan[], levels: Float32Array): number[] {
  const speech = [...framesOf(spans, levels.length)].map((frame) => levels[frame] ?? silenceDbfs);
  speech.sort((left, right) => left - right);
  const threshold = (speech[Math.floor(speech.length * 0.95)] ?? 0) - nucleusBelowDb;
  const nuclei: number[] = [];
  for (const span of spans) {
    const from = Math.round(span.start_s / frameSeconds);
    const to = Math.min(levels.length, Math.round(span.end_s / frameSeconds));
    let peak = { frame: -1, level: Number.NEGATIVE_INFINITY };
    let valley = Number.POSITIVE_INFINITY;
    const keep = (): void => {
      if (peak.frame >= 0 && peak.level >= threshold) nuclei.push(peak.frame * frameSeconds);
    };
    for (let frame = from; frame < to; frame += 1) {
      const level = smoothed(levels, frame);
      if (peak.frame < 0) {
        valley = Math.min(valley, level);
        if (level >= valley + dipDb) peak = { frame, level };
      } else if (level > peak.level) peak = { frame, level };
      else if (level <= peak.level - dipDb) {
        keep();
        peak = { frame: -1, level: Number.NEGATIVE_INFINITY };
        valley = level;
      }
    }
    keep();
  }
  return nuclei;
}

/** Level of a frame with its three neighbours on each side, so that single pitch periods are no syllables. */
function smoothed(levels: Float32Array, frame: number): number {
  let sum = 0;
  let weight = 0;
  for (let offset = -3; offset <= 3; offset += 1) {
    const level = levels[frame + offset];
    if (level === undefined) continue;
    const share = 4 - Math.abs(offset);
    sum += level * share;
    weight += share;
  }
  return weight === 0 ? silenceDbfs : sum / weight;
}

async function breathe(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise(setImmediate);
}
