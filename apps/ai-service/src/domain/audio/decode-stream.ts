import type { AudioKind } from '@switchboard/contracts';
import decode, { type StreamDecoder } from 'audio-decode';
import { describeShapeFault } from './probe-audio.ts';
import { createResampler, type Resampler } from './resample.ts';

export const decodedRate = 16_000;

export type DecodeFault = 'EMPTY_AUDIO' | 'AUDIO_TOO_LONG' | 'INVALID_AUDIO_FILE';

export type DecodeOutcome =
  | { readonly kind: 'decoded'; readonly channels: Float32Array<ArrayBuffer>[]; readonly sourceRate: number }
  | { readonly kind: 'fault'; readonly code: DecodeFault; readonly message: string }
  /** The file may be in order, but is written in a way that the embedded decoders do not know. */
  | { readonly kind: 'unsupported'; readonly message: string };

/**
 * How much is given to a decoder at once. Packed silence expands a thousandfold: a 2 KiB piece of opus can become 50 MB of
 * samples, 64 KiB would become gigabytes before anybody could count them. Plain formats expand eightfold at most. Flac goes
 * in whole, because its streaming decoder loses the last frame; probeAudio has counted its samples before.
 */
const pieceBytes: Readonly<Record<AudioKind, number>> = {
  wav: 262_144,
  mp3: 16_384,
  mp4: 16_384,
  ogg: 2_048,
  webm: 2_048,
  flac: Number.MAX_SAFE_INTEGER,
};
/** Some decoders give a whole recording at once; in blocks, copies of it stay small and in the processor's cache. */
const blockSamples = 16_384;
/** Up to two channels are parties of the call; more of them are a studio's mix and are added up. */
const partiesMax = 2;

/**
 * Decodes a recording piece by piece to at most two channels at 16 kHz, and stops at the first sample past `secondsMax`.
 * Blocks its thread for long stretches: run it in a worker.
 */
export async function decodeStream(
  bytes: Uint8Array,
  kind: AudioKind,
  secondsMax: number,
): Promise<DecodeOutcome> {
  const create = chooseDecoder(bytes, kind);
  if (create === null) return { kind: 'unsupported', message: `This codec inside of ${kind} is not known.` };
  const decoder = await create();
  const sink = createSink(secondsMax);
  try {
    for (let offset = 0; offset < bytes.length; offset += pieceBytes[kind]) {
      const fault = sink.take(await decoder(bytes.slice(offset, offset + pieceBytes[kind])));
      if (fault !== null) return fault;
    }
    const fault = sink.take(await decoder.flush());
    if (fault !== null) return fault;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // A recording that was cut off in the middle is still worth what came before the cut.
    if (sink.seconds() < 1) return describeDecoderFault(message);
  } finally {
    decoder.free();
  }
  return sink.finish();
}

function describeDecoderFault(message: string): DecodeOutcome {
  return /unsupported|not supported|no decoder|unknown codec|wav format/i.test(message)
    ? { kind: 'unsupported', message }
    : { kind: 'fault', code: 'INVALID_AUDIO_FILE', message: `The recording cannot be read: ${message}` };
}

function chooseDecoder(bytes: Uint8Array, kind: AudioKind): (() => Promise<StreamDecoder>) | null {
  if (kind === 'mp4') return decode.m4a;
  if (kind !== 'ogg') return decode[kind];
  // The first page of an ogg file holds the head of its codec.
  const head = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  if (head.includes('OpusHead')) return decode.opus;
  if (head.includes('\x01vorbis')) return decode.oga;
  return null;
}

interface Sink {
  take(data: { channelData: Float32Array[]; sampleRate: number }): DecodeOutcome | null;
  seconds(): number;
  finish(): DecodeOutcome;
}

function createSink(secondsMax: number): Sink {
  let sourceRate = 0;
  let width = 0;
  let taken = 0;
  let tracks: { resampler: Resampler; samples: GrowingSamples }[] = [];
  return {
    take({ channelData, sampleRate }) {
      const length = channelData[0]?.length ?? 0;
      if (length === 0) return null;
      if (sourceRate === 0) {
        const shape = describeShapeFault(sampleRate, channelData.length);
        if (shape !== null) return { kind: 'fault', code: 'INVALID_AUDIO_FILE', message: shape };
        sourceRate = sampleRate;
        width = channelData.length;
        tracks = Array.from({ length: width > partiesMax ? 1 : width }, () => ({
          resampler: createResampler(sourceRate, decodedRate),
          samples: createGrowingSamples(),
        }));
      }
      if (sampleRate !== sourceRate)
        return {
          kind: 'fault',
          code: 'INVALID_AUDIO_FILE',
          message: 'The sample rate changes in the middle of the recording.',
        };
      taken += length;
      if (taken / sourceRate > secondsMax)
        return {
          kind: 'fault',
          code: 'AUDIO_TOO_LONG',
          message: `The recording is longer than ${secondsMax} seconds.`,
        };
      for (let from = 0; from < length; from += blockSamples) {
        const block = channelData.map((channel) => channel.subarray(from, from + blockSamples));
        const parties = width > partiesMax ? [mixDown(block)] : block;
        tracks.forEach((track, index) => {
          // A mono stretch inside of a stereo file is heard on both sides.
          const samples = parties[index] ?? parties[0];
          if (samples !== undefined) track.samples.append(track.resampler.push(cleanSamples(samples)));
        });
      }
      return null;
    },
    seconds: () => (sourceRate === 0 ? 0 : taken / sourceRate),
    finish() {
      if (taken === 0)
        return { kind: 'fault', code: 'EMPTY_AUDIO', message: 'The recording has no sound in it.' };
      const channels = tracks.map((track) => {
        track.samples.append(track.resampler.flush());
        return track.samples.finish();
      });
      return { kind: 'decoded', channels, sourceRate };
    },
  };
}

function mixDown(channels: Float32Array[]): Float32Array {
  const mixed = new Float32Array(channels[0]?.length ?? 0);
  for (const channel of channels)
    for (let index = 0; index < mixed.length; index += 1)
      mixed[index] = (mixed[index] ?? 0) + (channel[index] ?? 0) / channels.length;
  return mixed;
}

/** Float files may hold anything; one NaN would spread through the filter into everything after it. In place. */
function cleanSamples(samples: Float32Array): Float32Array {
  for (let index = 0; index < samples.length; index += 1) {
    const sample = samples[index] ?? 0;
    if (!(sample >= -1 && sample <= 1)) samples[index] = sample > 1 ? 1 : sample < -1 ? -1 : 0;
  }
  return samples;
}

interface GrowingSamples {
  append(samples: Float32Array): void;
  finish(): Float32Array<ArrayBuffer>;
}

function createGrowingSamples(): GrowingSamples {
  let buffer = new Float32Array(decodedRate * 30);
  let length = 0;
  return {
    append(samples) {
      if (length + samples.length > buffer.length) {
        const larger = new Float32Array(Math.max(buffer.length * 2, length + samples.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(samples, length);
      length += samples.length;
    },
    finish: () => buffer.slice(0, length),
  };
}
