import { sniffAudioKind } from '@switchboard/contracts';
import { bringTool } from '@switchboard/stack/testing';
import { describe, expect, test } from 'vitest';
import { decodeAudio } from '../src/domain/audio/decode-audio.ts';
import { createResampler } from '../src/domain/audio/resample.ts';
import { makeWav, readFixture, readKnownRecording } from './helpers/recordings.ts';

// The first six seconds of support-call.wav, written by ffmpeg (test/fixtures/README.md has the commands).
const formats = [
  ['call.mp3', 'mp3', 8_000],
  ['call.m4a', 'mp4', 16_000],
  ['call-faststart.mp4', 'mp4', 16_000],
  ['call-opus.ogg', 'ogg', 48_000],
  ['call-vorbis.ogg', 'ogg', 16_000],
  ['call.webm', 'webm', 48_000],
  ['call.flac', 'flac', 8_000],
  ['call-mulaw.wav', 'wav', 8_000],
  ['call-alaw.wav', 'wav', 8_000],
] as const;

const original = await decodeAudio(readKnownRecording('support-call').bytes);

describe('every format that partners send is decoded without ffmpeg', () => {
  test.each(formats)('%s', async (file, kind, sourceRate) => {
    const bytes = readFixture(file);
    expect(sniffAudioKind(bytes)).toBe(kind);
    const decoded = await decodeAudio(bytes, { ffmpegPath: null });
    expect(decoded).toMatchObject({ kind, sourceRate, sampleRate: 16_000, decoder: 'embedded' });
    expect(decoded.channels).toHaveLength(2);
    expect(Math.abs(decoded.durationSeconds - 6)).toBeLessThan(0.1);
    decoded.channels.forEach((channel, index) => {
      // The loudness of every tenth of a second tells left from right and early from late, whatever the codec does.
      const wanted = readLevels(original.channels[index]?.subarray(0, 16_000 * 6));
      expect(correlate(readLevels(channel), wanted)).toBeGreaterThan(0.97);
    });
  });

  test('24-bit sound at 44.1 kHz', async () => {
    const decoded = await decodeAudio(readFixture('call-24bit.wav'), { ffmpegPath: null });
    expect(decoded).toMatchObject({ kind: 'wav', sourceRate: 44_100, durationSeconds: 0.5 });
  });
});

describe('GSM, which only ffmpeg knows', () => {
  test('without ffmpeg the error says what to send or install', async () => {
    await expect(decodeAudio(readFixture('call-gsm.wav'), { ffmpegPath: null })).rejects.toMatchObject({
      code: 'INVALID_AUDIO_FILE',
      message: expect.stringContaining('FFMPEG_PATH'),
    });
  });

  test('with ffmpeg it is decoded', async (ctx) => {
    const ffmpegPath = await bringTool('ffmpeg').catch((error: Error) => {
      console.warn(`NOT TESTED: ${error.message}`);
      return ctx.skip('ffmpeg could not be had');
    });
    const decoded = await decodeAudio(readFixture('call-gsm.wav'), { ffmpegPath });
    expect(decoded).toMatchObject({ kind: 'wav', decoder: 'ffmpeg', sourceRate: 8_000 });
    expect(Math.abs(decoded.durationSeconds - 6)).toBeLessThan(0.1);
  }, 240_000);
});

describe('channels', () => {
  const tone = (hertz: number) =>
    Float32Array.from({ length: 8_000 }, (_, at) => Math.sin((at * hertz * 2 * Math.PI) / 8_000) / 2);

  test('two equal channels are one speaker, not two who say the same', async () => {
    const decoded = await decodeAudio(makeWav([tone(300), tone(300)], 8_000));
    expect(decoded.channels).toHaveLength(1);
  });

  test('a silent channel beside a speaking one stays', async () => {
    const decoded = await decodeAudio(makeWav([tone(300), new Float32Array(8_000)], 8_000));
    expect(decoded.channels).toHaveLength(2);
  });

  test('a mix of six is added up to one', async () => {
    const decoded = await decodeAudio(makeWav([100, 200, 300, 400, 500, 600].map(tone), 8_000));
    expect(decoded.channels).toHaveLength(1);
  });
});

describe('resampling', () => {
  const resample = (hertz: number, from: number, pieces = 1) => {
    const input = Float32Array.from({ length: from }, (_, at) => Math.sin((at * hertz * 2 * Math.PI) / from));
    const resampler = createResampler(from, 16_000);
    const output: number[] = [];
    const size = Math.ceil(input.length / pieces);
    for (let at = 0; at < input.length; at += size)
      output.push(...resampler.push(input.subarray(at, at + size)));
    output.push(...resampler.flush());
    return Float32Array.from(output);
  };
  const middle = (samples: Float32Array) => readLevels(samples.subarray(1_600, 14_400), 12_800)[0] ?? 0;

  test.each([8_000, 11_025, 22_050, 44_100, 48_000, 96_000])(
    'from %i Hz a tone keeps its length and loudness',
    (from) => {
      const output = resample(1_000, from);
      expect(output.length).toBe(16_000);
      expect(middle(output)).toBeCloseTo(Math.SQRT1_2, 3);
    },
  );

  test.each([9_500, 12_000, 15_000, 20_000])('a tone of %i Hz does not fold into speech', (hertz) => {
    expect(20 * Math.log10(middle(resample(hertz, 44_100)))).toBeLessThan(-60);
  });

  test('pieces of any size give the same as the whole', () => {
    expect(resample(700, 44_100, 37)).toEqual(resample(700, 44_100));
  });
});

function readLevels(samples: Float32Array | undefined, size = 1_600): number[] {
  const levels: number[] = [];
  for (let from = 0; samples !== undefined && from + size <= samples.length; from += size) {
    const energy = samples.subarray(from, from + size).reduce((sum, sample) => sum + sample * sample, 0);
    levels.push(Math.sqrt(energy / size));
  }
  return levels;
}

function correlate(left: readonly number[], right: readonly number[]): number {
  const length = Math.min(left.length, right.length);
  const mean = (values: readonly number[]) =>
    values.slice(0, length).reduce((sum, value) => sum + value, 0) / length;
  const [meanLeft, meanRight] = [mean(left), mean(right)];
  let product = 0;
  let squareLeft = 0;
  let squareRight = 0;
  for (let at = 0; at < length; at += 1) {
    const first = (left[at] ?? 0) - meanLeft;
    const second = (right[at] ?? 0) - meanRight;
    product += first * second;
    squareLeft += first * first;
    squareRight += second * second;
  }
  return product / Math.sqrt(squareLeft * squareRight);
}
