/** The kinds of recordings that are taken. m4a is mp4; Matroska counts as webm. */
export const audioKinds = ['wav', 'mp3', 'mp4', 'ogg', 'webm', 'flac'] as const;
export type AudioKind = (typeof audioKinds)[number];

/**
 * Tells what a file is by its first bytes, never by its name or declared type. Gives null for anything else.
 *
 * Sees only the beginning, so a file that passes may still be broken further on.
 */
export function sniffAudioKind(bytes: Uint8Array): AudioKind | null {
  if (hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WAVE')) return 'wav';
  if (hasText(bytes, 0, 'RF64') && hasText(bytes, 8, 'WAVE')) return 'wav';
  if (hasText(bytes, 0, 'fLaC')) return 'flac';
  if (hasText(bytes, 0, 'OggS')) return 'ogg';
  if (hasText(bytes, 4, 'ftyp')) return 'mp4';
  if (bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3)
    return hasDocType(bytes) ? 'webm' : null;
  if (hasText(bytes, 0, 'ID3')) return sniffAfterTag(bytes);
  return isMp3Frame(bytes, 0) ? 'mp3' : null;
}

/** A tag of the ID3 family may stand before mp3 frames or, rarely, before flac. */
function sniffAfterTag(bytes: Uint8Array): AudioKind | null {
  const sizes = bytes.subarray(6, 10);
  if (sizes.length < 4 || sizes.some((byte) => byte > 0x7f)) return null;
  const size = sizes.reduce((total, byte) => total * 128 + byte, 0);
  const hasFooter = ((bytes[5] ?? 0) & 0x10) !== 0;
  const end = 10 + size + (hasFooter ? 10 : 0);
  if (hasText(bytes, end, 'fLaC')) return 'flac';
  // Encoders pad the tag with zeros beyond its stated end; look a little further for the first frame.
  for (let offset = end; offset < Math.min(bytes.length, end + 4_096); offset += 1)
    if (isMp3Frame(bytes, offset)) return 'mp3';
  // Only the beginning of a long tag (a cover picture) was given: what follows cannot be seen.
  return end >= bytes.length ? 'mp3' : null;
}

const bitrates = {
  mpeg1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  mpeg2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const sampleRates = {
  3: [44_100, 48_000, 32_000],
  2: [22_050, 24_000, 16_000],
  0: [11_025, 12_000, 8_000],
} as const;

/** Layer III only: 0xFFFx is also how raw AAC begins. The next frame must be where the first says it is. */
function isMp3Frame(bytes: Uint8Array, offset: number): boolean {
  const length = readMp3FrameLength(bytes, offset);
  if (length === null) return false;
  const next = offset + length;
  return next + 4 > bytes.length || readMp3FrameLength(bytes, next) !== null || hasText(bytes, next, 'TAG');
}

function readMp3FrameLength(bytes: Uint8Array, offset: number): number | null {
  const [sync = 0, version = 0, rates = 0] = bytes.subarray(offset, offset + 3);
  if (sync !== 0xff || (version & 0xe0) !== 0xe0 || (version & 0x06) !== 0x02) return null;
  const mpeg = (version >> 3) & 3;
  if (mpeg === 1) return null;
  const bitrate = (mpeg === 3 ? bitrates.mpeg1 : bitrates.mpeg2)[rates >> 4];
  const sampleRate = sampleRates[mpeg === 3 ? 3 : mpeg === 2 ? 2 : 0][(rates >> 2) & 3];
  if (bitrate === undefined || bitrate === 0 || sampleRate === undefined) return null;
  const padding = (rates >> 1) & 1;
  return Math.floor(((mpeg === 3 ? 144_000 : 72_000) * bitrate) / sampleRate) + padding;
}

/** The EBML header names its document type within the first bytes. */
function hasDocType(bytes: Uint8Array): boolean {
  for (let offset = 4; offset < Math.min(bytes.length, 128); offset += 1)
    if (hasText(bytes, offset, 'webm') || hasText(bytes, offset, 'matroska')) return true;
  return false;
}

function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index += 1)
    if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  return true;
}
