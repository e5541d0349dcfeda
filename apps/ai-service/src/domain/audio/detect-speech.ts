import createFvad, { type FvadModule } from '@echogarden/fvad-wasm';

/** A stretch of one channel in which somebody speaks; seconds from the start of the recording. */
export interface SpeechSpan {
  readonly start_s: number;
  readonly end_s: number;
}

export interface DetectSpeechOptions {
  /** Silences shorter than this stay inside one span: stops of consonants are no pauses. Seconds. */
  readonly gapSeconds?: number;
  /** Bursts shorter than this are clicks, not words. Seconds. */
  readonly minimumSeconds?: number;
}

const sampleRate = 16_000;
const frameSamples = 160;
const frameSeconds = frameSamples / sampleRate;
/** Below this a frame is line noise: the detector adapts to silence and then calls the noise floor speech. */
const floorRms = 10 ** (-55 / 20);
/** Quieter than the channel's own speech by this much is the other party leaking in, or the room. */
const belowSpeechRatio = 10 ** (-26 / 20);
/** The detector holds speech on for some frames after it ends; an edge is drawn back to where energy is. */
const edgeRatio = 10 ** (-32 / 20);
const yieldEveryFrames = 6_000;

let modulePromise: Promise<FvadModule> | undefined;

/**
 * Finds where somebody speaks in one channel (WebRTC voice activity detector, mode 2, 10 ms frames).
 *
 * Takes samples in -1…1 at 16 kHz. Gives spans in seconds, in order, not overlapping; none for silence. Edges are
 * tight (about 30 ms): whoever needs room around a word adds it.
 */
export async function detectSpeech(
  samples: Float32Array,
  rate: 16_000 = sampleRate,
  options: DetectSpeechOptions = {},
): Promise<SpeechSpan[]> {
  if (rate !== sampleRate) throw new RangeError(`detectSpeech takes 16 kHz samples, not ${rate} Hz.`);
  const frames = Math.floor(samples.length / frameSamples);
  if (frames === 0) return [];
  const { voiced, rms } = await classifyFrames(samples, frames);

  const threshold = Math.max(floorRms, speechLevel(voiced, rms) * belowSpeechRatio);
  const edge = Math.max(floorRms, speechLevel(voiced, rms) * edgeRatio);
  const spans = collectSpans(voiced, options.gapSeconds ?? 0.3);
  const minimumFrames = Math.round((options.minimumSeconds ?? 0.08) / frameSeconds);

  const speech: SpeechSpan[] = [];
  for (const span of spans) {
    let { from, to } = span;
    while (from < to && (rms[from] ?? 0) < edge) from += 1;
    while (to > from && (rms[to - 1] ?? 0) < edge) to -= 1;
    let loud = 0;
    for (let frame = from; frame < to; frame += 1) if ((rms[frame] ?? 0) >= threshold) loud += 1;
    if (loud < minimumFrames) continue;
    speech.push({ start_s: round(from * frameSeconds), end_s: round(to * frameSeconds) });
  }
  return speech;
}

async function classifyFrames(
  samples: Float32Array,
  frames: number,
): Promise<{ voiced: Uint8Array; rms: Float32Array }> {
  modulePromise ??= createFvad();
  const fvad = await modulePromise;
  const voiced = new Uint8Array(frames);
  const rms = new Float32Array(frames);
  const instance = fvad._fvad_new();
  const buffer = fvad._malloc(frameSamples * 2);
  try {
    fvad._fvad_set_mode(instance, 2);
    fvad._fvad_set_sample_rate(instance, sampleRate);
    for (let frame = 0; frame < frames; frame += 1) {
      const offset = frame * frameSamples;
      const heap = fvad.HEAP16;
      let energy = 0;
      for (let index = 0; index < frameSamples; index += 1) {
        const sample = samples[offset + index] ?? 0;
        energy += sample * sample;
        heap[(buffer >> 1) + index] = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767)));
      }
      const level = Math.sqrt(energy / frameSamples);
      rms[frame] = Number.isFinite(level) ? level : 0;
      voiced[frame] = fvad._fvad_process(instance, buffer, frameSamples) === 1 && level >= floorRms ? 1 : 0;
      // One minute of sound takes about 15 ms; a long call must not hold up heartbeats.
      if (frame % yieldEveryFrames === yieldEveryFrames - 1) await new Promise(setImmediate);
    }
  } finally {
    fvad._free(buffer);
    fvad._fvad_free(instance);
  }
  return { voiced, rms };
}

/** How loud this channel is when its own speaker talks: the 90th percentile of the voiced frames. */
function speechLevel(voiced: Uint8Array, rms: Float32Array): number {
  const levels: number[] = [];
  for (let frame = 0; frame < voiced.length; frame += 1)
    if (voiced[frame] === 1) levels.push(rms[frame] ?? 0);
  levels.sort((left, right) => left - right);
  return levels[Math.floor(levels.length * 0.9)] ?? 0;
}

function collectSpans(voiced: Uint8Array, gapSeconds: number): { from: number; to: number }[] {
  const gapFrames = Math.round(gapSeconds / frameSeconds);
  const spans: { from: number; to: number }[] = [];
  for (let frame = 0; frame < voiced.length; frame += 1) {
    if (voiced[frame] !== 1) continue;
    const last = spans.at(-1);
    if (last !== undefined && frame - last.to < gapFrames) last.to = frame + 1;
    else spans.push({ from: frame, to: frame + 1 });
  }
  return spans;
}

function round(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
