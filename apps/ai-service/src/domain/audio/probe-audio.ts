import type { AudioKind } from '@switchboard/contracts';
import { countFlacSamples } from './flac-frames.ts';

/** What the headers of a file claim, before anything is expanded. */
export interface AudioProbe {
  /** Length in seconds as far as the headers tell; null when they do not. */
  readonly seconds: number | null;
  /** Why the headers cannot be right, in words; null when they may be. */
  readonly fault: string | null;
}

const nothing: AudioProbe = { seconds: null, fault: null };
const channelsMax = 8;
const rateMin = 4_000;
const rateMax = 384_000;

/** Whether a rate in Hz and a number of channels are ones that a recording can have. */
export function describeShapeFault(sampleRate: number, channels: number): string | null {
  if (!Number.isInteger(sampleRate) || sampleRate < rateMin || sampleRate > rateMax)
    return `A sample rate of ${sampleRate} Hz is outside of ${rateMin} to ${rateMax}.`;
  if (channels < 1 || channels > channelsMax)
    return `${channels} channels are outside of 1 to ${channelsMax}.`;
  return null;
}

/**
 * Reads the headers of wav, flac and mp4, which state the length: a recording that is too long is refused before it is
 * expanded, and numbers that would make a decoder loop or allocate without end are refused at once.
 */
export function probeAudio(bytes: Uint8Array, kind: AudioKind): AudioProbe {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (kind === 'wav') return probeWav(view);
    if (kind === 'flac') return probeFlac(view);
    if (kind === 'mp4') return probeMp4(view);
    return nothing;
  } catch (error) {
    if (error instanceof RangeError) return { seconds: null, fault: 'The headers are cut off.' };
    throw error;
  }
}

function readText(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(offset + index)));
}

/** RIFF: the chunks `fmt ` and `data`. The stated size of `data` is bounded by what is there. */
function probeWav(view: DataView): AudioProbe {
  let bytesPerSecond = 0;
  for (let offset = 12; offset + 8 <= view.byteLength; ) {
    const size = view.getUint32(offset + 4, true);
    const id = readText(view, offset);
    if (id === 'fmt ') {
      const channels = view.getUint16(offset + 10, true);
      const rate = view.getUint32(offset + 12, true);
      const block = view.getUint16(offset + 20, true);
      const fault = describeShapeFault(rate, channels);
      if (fault !== null) return { seconds: null, fault };
      if (block === 0) return { seconds: null, fault: 'A block of 0 bytes holds no samples.' };
      const format = view.getUint16(offset + 8, true);
      // Packed formats (ADPCM, GSM) have many samples in a block; their stated byte rate is the only guide.
      const plain = [1, 3, 6, 7, 0xfffe].includes(format);
      bytesPerSecond = plain ? block * rate : view.getUint32(offset + 16, true);
    }
    if (id === 'data') {
      if (bytesPerSecond === 0) return { seconds: null, fault: 'The sound comes before its description.' };
      const present = Math.min(size === 0 ? Number.POSITIVE_INFINITY : size, view.byteLength - offset - 8);
      return { seconds: present / bytesPerSecond, fault: null };
    }
    offset += 8 + size + (size % 2);
  }
  return { seconds: null, fault: 'There is no sound after the headers.' };
}

/** STREAMINFO (RFC 9639, section 8.2): 20 bits of rate, 3 of channels, 5 of depth, 36 of samples; then the frames. */
function probeFlac(view: DataView): AudioProbe {
  // A tag of any size may stand before it.
  const whole = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const start = Math.max(0, whole.indexOf('fLaC', 0, 'latin1'));
  const packed = view.getUint32(start + 18);
  const rate = packed >>> 12;
  const fault = describeShapeFault(rate, ((packed >>> 9) & 7) + 1);
  if (fault !== null) return { seconds: null, fault };
  const stated = (packed & 0xf) * 2 ** 32 + view.getUint32(start + 22);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, view.byteLength - start);
  // A sample or two too many may be counted in a large file; see countFlacSamples.
  const counted = countFlacSamples(bytes) * 0.98;
  return { seconds: Math.max(stated, counted) / rate, fault: null };
}

const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);
/** Packed codecs carry about this many samples in one access unit; the length follows even if the times lie. */
const samplesPerUnit: Readonly<Record<string, number>> = { mp4a: 1_024, alac: 4_096, Opus: 960 };

/** ISO base media: the times of the media header, and the number of access units (ISO/IEC 14496-12, 8.4.2 and 8.7.3). */
function probeMp4(view: DataView): AudioProbe {
  let seconds = 0;
  let track = { timescale: 0, codec: '', units: 0, sizeAll: 0 };
  let fault: string | null = null;
  const walk = (from: number, to: number): void => {
    for (let offset = from; offset + 8 <= to; ) {
      const header = view.getUint32(offset);
      const type = readText(view, offset + 4);
      const wide = header === 1;
      const size = wide ? Number(view.getBigUint64(offset + 8)) : header === 0 ? to - offset : header;
      if (size < 8) return;
      const end = Math.min(to, offset + size);
      const body = offset + (wide ? 16 : 8);
      if (type === 'trak') track = { timescale: 0, codec: '', units: 0, sizeAll: 0 };
      if (containers.has(type)) walk(body, end);
      if (type === 'mdhd') {
        const long = view.getUint8(body) === 1;
        track.timescale = view.getUint32(body + (long ? 20 : 12));
        const duration = long ? Number(view.getBigUint64(body + 24)) : view.getUint32(body + 16);
        const known = duration > 0 && duration < 0xffff_ffff;
        if (known && track.timescale > 0) seconds = Math.max(seconds, duration / track.timescale);
      }
      if (type === 'stsd') track.codec = readText(view, body + 12);
      if (type === 'stsz') {
        track.sizeAll = view.getUint32(body + 4);
        track.units = view.getUint32(body + 8);
        // A list of sizes that is longer than the file, or more sound than the file has bytes.
        if (track.sizeAll === 0 && track.units * 4 > view.byteLength)
          fault = 'The list of samples is cut off.';
        if (track.sizeAll * track.units > view.byteLength * 2) fault = 'The file is cut off.';
      }
      if (type === 'trak') {
        const perUnit = samplesPerUnit[track.codec];
        if (perUnit !== undefined && track.timescale >= rateMin)
          seconds = Math.max(seconds, (track.units * perUnit) / Math.min(track.timescale, 48_000) / 2);
      }
      offset += size;
    }
  };
  walk(0, view.byteLength);
  return { seconds: seconds === 0 ? null : seconds, fault };
}
