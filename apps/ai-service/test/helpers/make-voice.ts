import { readFileSync } from 'node:fs';

const rate = 16_000;

export interface Talk {
  /** Seconds from the start of the channel. */
  readonly from: number;
  readonly to: number;
  readonly hertz?: number;
  readonly amplitude?: number;
}

/**
 * A channel in which a buzzing voice talks at the given times: pulses at a pitch, through three formants, opening and
 * closing four times a second like syllables. Enough like speech for a voice activity detector, and exactly known.
 */
export function makeVoice(seconds: number, talks: readonly Talk[], syllablesPerSecond = 4): Float32Array {
  const channel = new Float32Array(seconds * rate);
  for (const { from, to, hertz = 120, amplitude = 0.3 } of talks) {
    const length = Math.round((to - from) * rate);
    const pulses = new Float32Array(length);
    for (let at = 0; at < length; at += 1)
      if (Math.floor((at * hertz) / rate) !== Math.floor(((at - 1) * hertz) / rate)) pulses[at] = 1;
    const voice = new Float32Array(length);
    for (const formant of [600, 1_200, 2_500]) {
      const resonance = resonate(pulses, formant);
      for (let at = 0; at < length; at += 1) voice[at] = (voice[at] ?? 0) + (resonance[at] ?? 0);
    }
    const peak = voice.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
    for (let at = 0; at < length; at += 1) {
      const opening = Math.sin((Math.PI * at * syllablesPerSecond) / rate) ** 2;
      channel[Math.round(from * rate) + at] = ((voice[at] ?? 0) / peak) * amplitude * (0.12 + 0.88 * opening);
    }
  }
  return channel;
}

/** Samples of a 16-bit WAV of ours at 16 kHz, one array for each channel; 8 kHz is doubled by straight lines. */
export function readRecording(name: string): Float32Array[] {
  const file = readFileSync(new URL(`../../../../examples/recordings/${name}.wav`, import.meta.url));
  const channelCount = file.readUInt16LE(22);
  const step = file.readUInt32LE(24) / rate;
  let at = 12;
  while (file.toString('latin1', at, at + 4) !== 'data') at += 8 + file.readUInt32LE(at + 4);
  const frames = Math.floor(file.readUInt32LE(at + 4) / 2 / channelCount);
  const sample = (frame: number, channel: number): number =>
    frame < frames ? file.readInt16LE(at + 8 + (frame * channelCount + channel) * 2) / 32_768 : 0;
  return Array.from({ length: channelCount }, (_, channel) =>
    Float32Array.from({ length: Math.floor(frames / step) }, (_, index) => {
      const frame = Math.floor(index * step);
      const share = index * step - frame;
      return sample(frame, channel) * (1 - share) + sample(frame + 1, channel) * share;
    }),
  );
}

function resonate(input: Float32Array, hertz: number): Float32Array {
  const radius = 0.97;
  const turn = 2 * radius * Math.cos((2 * Math.PI * hertz) / rate);
  const output = new Float32Array(input.length);
  for (let at = 0; at < input.length; at += 1)
    output[at] = (input[at] ?? 0) + turn * (output[at - 1] ?? 0) - radius ** 2 * (output[at - 2] ?? 0);
  return output;
}
