import { type AudioKind, sniffAudioKind } from '@switchboard/contracts';
import { describe, expect, test } from 'vitest';
import { AnalysisFailure } from '../src/domain/analysis/types.ts';
import { decodeAudio } from '../src/domain/audio/decode-audio.ts';
import { makeFlacBomb, makeMp4Bomb, makeOpusBomb } from './helpers/bombs.ts';
import { createRandom, makeWav, readFixture, readKnownRecording } from './helpers/recordings.ts';

const fixtures = [
  'call.mp3',
  'call.m4a',
  'call-faststart.mp4',
  'call-opus.ogg',
  'call-vorbis.ogg',
  'call.webm',
  'call.flac',
  'call-mulaw.wav',
] as const;
const withoutFfmpeg = { ffmpegPath: null };
const second = Float32Array.from({ length: 8_000 }, (_, at) => Math.sin(at / 5) / 2);

/** What a recording came to: decoded, or the code of the error that a job would end with. */
async function outcomeOf(bytes: Uint8Array): Promise<string> {
  try {
    const decoded = await decodeAudio(bytes, withoutFfmpeg);
    return decoded.channels.every((channel) => channel.every((sample) => Math.abs(sample) <= 1.5))
      ? 'decoded'
      : 'decoded to noise';
  } catch (error) {
    if (error instanceof AnalysisFailure) return error.code;
    throw error;
  }
}

describe('nothing in it', () => {
  test('0 bytes', async () => {
    expect(await outcomeOf(new Uint8Array())).toBe('EMPTY_AUDIO');
  });

  test('a header and no samples', async () => {
    expect(await outcomeOf(makeWav([new Float32Array()], 8_000))).toBe('EMPTY_AUDIO');
    expect(await outcomeOf(makeFlacBomb(0))).toBe('EMPTY_AUDIO');
  });

  test('less than a tenth of a second', async () => {
    expect(await outcomeOf(makeWav([second.subarray(0, 400)], 8_000))).toBe('EMPTY_AUDIO');
  });
});

describe('not what it says', () => {
  test.each([
    ['text', Buffer.from('<html><body>not found</body></html>')],
    ['a zip', Buffer.from('PK\x03\x04'.padEnd(500, '\0'), 'latin1')],
    ['an avi, which also begins with RIFF', Buffer.from('RIFF\0\0\0\0AVI LIST'.padEnd(500, '\0'), 'latin1')],
    [
      'raw AAC, which begins almost like mp3',
      Buffer.from([0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc, ...Buffer.alloc(900)]),
    ],
    [
      'a document of the EBML family',
      Buffer.from('1a45dfa3a34286810142f7810142f2810442f381084282847465737400', 'hex'),
    ],
    ['a play list', Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n')],
    ['one byte', Buffer.from([0xff])],
  ])('%s is of no kind and refused', async (_, bytes) => {
    expect(sniffAudioKind(bytes)).toBeNull();
    expect(await outcomeOf(bytes)).toBe('INVALID_AUDIO_FILE');
  });

  test.each<[AudioKind, Buffer]>([
    ['wav', Buffer.from('RIFF\xff\xff\xff\x7fWAVE', 'latin1')],
    ['flac', Buffer.from('fLaC', 'latin1')],
    ['ogg', Buffer.from('OggS', 'latin1')],
    ['mp4', Buffer.from('\0\0\0\x18ftypM4A ', 'latin1')],
    ['webm', Buffer.from('1a45dfa39f4286810142f7810142f2810442f381084282847765626d', 'hex')],
    ['mp3', Buffer.from('ID3\x04\0\0\0\0\0\x0a', 'latin1')],
  ])('the first bytes of %s and then random ones end in a typed error', async (kind, head) => {
    const random = createRandom(head.length);
    const noise = Buffer.from(Uint8Array.from({ length: 60_000 }, () => Math.floor(random() * 256)));
    // Of an mp3 the first frame is looked for, and there is none.
    expect([kind, null]).toContain(sniffAudioKind(Buffer.concat([head, noise])));
    expect(['INVALID_AUDIO_FILE', 'EMPTY_AUDIO']).toContain(await outcomeOf(head));
    expect(['INVALID_AUDIO_FILE', 'EMPTY_AUDIO', 'AUDIO_TOO_LONG']).toContain(
      await outcomeOf(Buffer.concat([head, noise])),
    );
  });
});

describe('cut off or damaged', () => {
  test.each(fixtures)('%s cut off anywhere is decoded as far as it goes, or refused', async (file) => {
    const bytes = readFixture(file);
    for (const share of [0.001, 0.05, 0.3, 0.6, 0.99]) {
      const outcome = await outcomeOf(bytes.subarray(0, Math.ceil(bytes.length * share)));
      expect(['decoded', 'INVALID_AUDIO_FILE', 'EMPTY_AUDIO']).toContain(outcome);
    }
  });

  test('a wav that lost its second half keeps its first', async () => {
    const { bytes, durationSeconds } = readKnownRecording('support-call');
    const half = await decodeAudio(bytes.subarray(0, bytes.length / 2));
    expect(Math.abs(half.durationSeconds - durationSeconds / 2)).toBeLessThan(0.1);
  });

  test.each(fixtures)(
    '%s with wrong bytes in it never ends in anything but a typed error',
    async (file) => {
      const random = createRandom(file.length);
      for (let round = 0; round < 4; round += 1) {
        const bytes = Buffer.from(readFixture(file));
        for (let fault = 0; fault < 40; fault += 1) {
          // Half of the faults in the first kilobyte, where lengths and counts stand.
          const reach = fault % 2 === 0 ? Math.min(1_024, bytes.length) : bytes.length;
          bytes[4 + Math.floor(random() * (reach - 4))] = Math.floor(random() * 256);
        }
        expect(['decoded', 'INVALID_AUDIO_FILE', 'EMPTY_AUDIO', 'AUDIO_TOO_LONG']).toContain(
          await outcomeOf(bytes),
        );
      }
    },
    120_000,
  );

  test.each([
    ['a rate of 0 Hz', 24, 0],
    ['a rate of 1 Hz', 24, 1],
    ['a rate of 4 GHz', 24, 0xffff_ffff],
    ['no channels and no bits', 22, 0],
    ['65,535 channels', 22, 0x1f40_ffff],
  ])('a wav that claims %s is refused before memory is asked for', async (_, offset, value) => {
    const wav = makeWav([second], 8_000);
    wav.writeUInt32LE(value, offset);
    expect(await outcomeOf(wav)).toBe('INVALID_AUDIO_FILE');
  });

  test('samples of a float file that are no numbers, or huge, become silence and full scale', async () => {
    const wav = Buffer.concat([makeWav([], 8_000), Buffer.alloc(8_000 * 4)]);
    wav.writeUInt16LE(3, 20);
    wav.writeUInt16LE(1, 22);
    wav.writeUInt32LE(8_000, 24);
    wav.writeUInt32LE(32_000, 28);
    wav.writeUInt16LE(4, 32);
    wav.writeUInt16LE(32, 34);
    wav.writeUInt32LE(32_000, 40);
    [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 1e30].forEach((sample, index) => {
      wav.writeFloatLE(sample, 44 + index * 400);
    });
    const { channels } = await decodeAudio(wav, withoutFfmpeg);
    expect(channels[0]?.every((sample) => Math.abs(sample) <= 1.5)).toBe(true);
  });
});

describe('small files that unpack to hours', () => {
  test('flac: 60 KB of frames that hold an hour and a half', async () => {
    expect(await outcomeOf(makeFlacBomb(4_000))).toBe('AUDIO_TOO_LONG');
  });

  test('flac: 25 MB of them, 32 days', async () => {
    const bomb = makeFlacBomb(60_000);
    const times = Math.floor((25 * 1_024 * 1_024) / bomb.length);
    const bytes = Buffer.concat([bomb, ...Array.from({ length: times - 1 }, () => bomb.subarray(42))]);
    expect(await outcomeOf(bytes)).toBe('AUDIO_TOO_LONG');
  });

  test('flac: short enough frames in a head that claims years', async () => {
    const flac = Buffer.from(readFixture('call.flac'));
    flac.writeUInt32BE(0xffff_ffff, 22);
    expect(await outcomeOf(flac)).toBe('AUDIO_TOO_LONG');
  });

  test('opus: packets of one byte, 42 hours in 5 MB', async () => {
    expect(await outcomeOf(makeOpusBomb(10_000))).toBe('AUDIO_TOO_LONG');
  }, 120_000);

  test('mp4: boxes that claim more frames than the file has bytes for', async () => {
    expect(['INVALID_AUDIO_FILE', 'AUDIO_TOO_LONG']).toContain(await outcomeOf(makeMp4Bomb(0xffff_ffff)));
    expect(['INVALID_AUDIO_FILE', 'AUDIO_TOO_LONG']).toContain(await outcomeOf(makeMp4Bomb(200)));
  });

  test('wav: 24 MB of 8-bit sound at 8 kHz, 52 minutes', async () => {
    const wav = Buffer.concat([makeWav([], 8_000), Buffer.alloc(25_000_000, 0x80)]);
    wav.writeUInt16LE(1, 22);
    wav.writeUInt32LE(8_000, 28);
    wav.writeUInt16LE(1, 32);
    wav.writeUInt16LE(8, 34);
    wav.writeUInt32LE(25_000_000, 40);
    expect(await outcomeOf(wav)).toBe('AUDIO_TOO_LONG');
  });
});

describe('limits', () => {
  test('the longest recording may be exactly as long as the limit', async () => {
    const wav = makeWav([second], 8_000);
    await expect(decodeAudio(wav, { secondsMax: 1 })).resolves.toMatchObject({ durationSeconds: 1 });
    await expect(decodeAudio(wav, { secondsMax: 0.9 })).rejects.toMatchObject({ code: 'AUDIO_TOO_LONG' });
  });

  test('a length that no header tells is found while decoding', async () => {
    await expect(decodeAudio(readFixture('call.mp3'), { secondsMax: 3 })).rejects.toMatchObject({
      code: 'AUDIO_TOO_LONG',
    });
  });

  test('decoding that takes too long is ended', async () => {
    // Seconds of decoding, so that it is not over before somebody looks at the time.
    const long = makeOpusBomb(900);
    await expect(
      decodeAudio(long, { timeoutMs: 1, secondsMax: 20_000, ...withoutFfmpeg }),
    ).rejects.toMatchObject({
      code: 'AUDIO_DECODE_TIMEOUT',
    });
  });

  test('decoding that takes too much memory is ended', async () => {
    // The process may become smaller meanwhile, of what it had before.
    const memoryBytesMax = -Number.MAX_SAFE_INTEGER;
    const long = makeOpusBomb(900);
    await expect(
      decodeAudio(long, { memoryBytesMax, secondsMax: 20_000, ...withoutFfmpeg }),
    ).rejects.toMatchObject({
      code: 'INVALID_AUDIO_FILE',
      message: expect.stringContaining('memory'),
    });
  });

  test('a cancelled job stops decoding with its own reason', async () => {
    const abort = new AbortController();
    const decoding = decodeAudio(readFixture('call.webm'), { signal: abort.signal });
    abort.abort(new Error('the partner cancelled'));
    await expect(decoding).rejects.toThrow('the partner cancelled');
  });
});
