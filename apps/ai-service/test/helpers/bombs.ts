/** Small files that announce, or really unpack to, hours of sound. */

/** Frames of constant silence, 65,536 samples in 15 bytes each; the head says nothing about the length. */
export function makeFlacBomb(frames: number, sampleRate = 48_000): Buffer {
  const head = Buffer.alloc(42);
  head.write('fLaC', 0, 'latin1');
  head.writeUInt32BE(0x8000_0022, 4);
  head.writeUInt16BE(16, 8);
  head.writeUInt16BE(0xffff, 10);
  // 20 bits of rate, 3 of channels - 1, 5 of depth - 1, 36 of samples (0: unknown).
  head.writeUInt32BE(((sampleRate << 12) | (0 << 9) | (15 << 4)) >>> 0, 18);
  const body: Buffer[] = [head];
  for (let frame = 0; frame < frames; frame += 1) {
    const number = encodeFrameNumber(frame);
    const header = Buffer.from([0xff, 0xf8, 0x70, 0x08, ...number, 0xff, 0xfe]);
    const start = Buffer.concat([header, Buffer.from([crc(header, 8, 0x07)]), Buffer.from([0, 0, 0])]);
    const check = crc(start, 16, 0x8005);
    body.push(start, Buffer.from([check >> 8, check & 0xff]));
  }
  return Buffer.concat(body);
}

/** Packets of one byte that stand for 60 ms of silence each, 255 to a page: half a kilobyte is 15 seconds. */
export function makeOpusBomb(pages: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.alloc(16);
  tags.write('OpusTags', 0, 'latin1');
  const packets = Array.from({ length: 255 }, () => Buffer.from([0x18]));
  const body = [makePage(0, 2, 0, [head]), makePage(1, 0, 0, [tags])];
  for (let page = 0; page < pages; page += 1)
    body.push(makePage(page + 2, page === pages - 1 ? 4 : 0, (page + 1) * 255 * 2_880, packets));
  return Buffer.concat(body);
}

function makePage(sequence: number, flags: number, granule: number, packets: readonly Buffer[]): Buffer {
  const page = Buffer.concat([
    Buffer.alloc(27),
    Buffer.from(packets.map((packet) => packet.length)),
    ...packets,
  ]);
  page.write('OggS', 0, 'latin1');
  page.writeUInt8(flags, 5);
  page.writeBigUInt64LE(BigInt(granule), 6);
  page.writeUInt32LE(7, 14);
  page.writeUInt32LE(sequence, 18);
  page.writeUInt8(packets.length, 26);
  page.writeUInt32LE(crc(page, 32, 0x04c1_1db7), 22);
  return page;
}

/** The frame's number, written like a UTF-8 character. */
function encodeFrameNumber(frame: number): number[] {
  if (frame < 0x80) return [frame];
  if (frame < 0x800) return [0xc0 | (frame >> 6), 0x80 | (frame & 0x3f)];
  return [0xe0 | (frame >> 12), 0x80 | ((frame >> 6) & 0x3f), 0x80 | (frame & 0x3f)];
}

/** A plain CRC, highest bit first, starting from zero. */
function crc(bytes: Uint8Array, width: number, polynomial: number): number {
  let value = 0;
  for (const byte of bytes) {
    value = (value ^ (byte << (width - 8))) >>> 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = (value >>> (width - 1)) & 1;
      value = (value << 1) >>> 0;
      if (width < 32) value &= 2 ** width - 1;
      if (carry === 1) value = (value ^ polynomial) >>> 0;
    }
  }
  return value;
}

/** An mp4 of which the boxes say that it has `units` frames of AAC, and which has none of them. */
export function makeMp4Bomb(units: number): Buffer {
  const box = (type: string, ...content: Buffer[]): Buffer => {
    const body = Buffer.concat(content);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(body.length + 8, 0);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, body]);
  };
  const words = (...values: number[]) => {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, index) => {
      bytes.writeUInt32BE(value >>> 0, index * 4);
    });
    return bytes;
  };
  const entry = box('mp4a', Buffer.alloc(28));
  const table = box(
    'stbl',
    box('stsd', words(0, 1), entry),
    box('stts', words(0, 1, units, 1_024)),
    box('stsz', words(0, 0, units)),
  );
  const media = box('mdia', box('mdhd', words(0, 0, 0, 48_000, 48_000, 0)), box('minf', table));
  return Buffer.concat([
    box('ftyp', Buffer.from('M4A \0\0\0\0', 'latin1')),
    box('moov', box('trak', media)),
    box('mdat', Buffer.alloc(1_000)),
  ]);
}
