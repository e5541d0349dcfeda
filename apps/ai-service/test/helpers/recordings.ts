import { readFileSync } from 'node:fs';

export interface KnownRecording {
  readonly bytes: Buffer;
  readonly durationSeconds: number;
  readonly lines: readonly {
    readonly speaker: string;
    readonly start_s: number;
    readonly end_s: number;
    readonly text: string;
  }[];
}

/** A bundled recording with the words that are said in it. */
export function readKnownRecording(name: string): KnownRecording {
  const folder = new URL('../../../../examples/recordings/', import.meta.url);
  const sidecar = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  return {
    bytes: readFileSync(new URL(`${name}.wav`, folder)),
    durationSeconds: sidecar.duration_s,
    lines: sidecar.lines,
  };
}

const WAV_HEADER_BYTES = 44;

/** The beginning of one of the bundled recordings, which are plain 16-bit wav files. */
export function cutWav(wav: Buffer, seconds: number): Buffer {
  const bytesPerSecond = wav.readUInt32LE(28);
  const cut = Buffer.from(wav.subarray(0, WAV_HEADER_BYTES + 2 * Math.round((seconds * bytesPerSecond) / 2)));
  cut.writeUInt32LE(cut.length - 8, 4);
  cut.writeUInt32LE(cut.length - WAV_HEADER_BYTES, 40);
  return cut;
}

export function readFixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
}

/** A small generator with a fixed seed (mulberry32), 0…1. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A plain wav of 16-bit samples, one array for each channel. */
export function makeWav(channels: readonly Float32Array[], sampleRate: number): Buffer {
  const frames = channels[0]?.length ?? 0;
  const frameBytes = channels.length * 2;
  const wav = Buffer.alloc(44 + frames * frameBytes);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + frames * frameBytes, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(channels.length, 22);
  wav.writeUInt32LE(sampleRate, 24);
  wav.writeUInt32LE(sampleRate * frameBytes, 28);
  wav.writeUInt16LE(frameBytes, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(frames * frameBytes, 40);
  channels.forEach((samples, channel) => {
    samples.forEach((sample, frame) => {
      wav.writeInt16LE(Math.round(sample * 32_767), 44 + frame * frameBytes + channel * 2);
    });
  });
  return wav;
}

/** Edits needed to make what was heard of what was said, as a share of the words said. Case and punctuation do not count. */
export function measureWordErrors(said: string, heard: string): { errors: number; words: number } {
  const wanted = splitWords(said);
  const found = splitWords(heard);
  let row = Array.from({ length: found.length + 1 }, (_, index) => index);
  wanted.forEach((word, at) => {
    const next = [at + 1];
    found.forEach((other, index) => {
      const replaced = (row[index] ?? 0) + (word === other ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    });
    row = next;
  });
  return { errors: row.at(-1) ?? 0, words: wanted.length };
}

/** Spellings of the same words: recognisers differ in them, listeners do not. */
function splitWords(text: string): string[] {
  const plain = text
    .toLowerCase()
    .replace(/\byou're\b/g, 'you are')
    .replace(/\bi'm\b/g, 'i am')
    .replace(/\bmr\b/g, 'mister');
  return plain.match(/[a-z']+/g) ?? [];
}
