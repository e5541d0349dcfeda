import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';

/**
 * The little of STUN (RFC 8489) that an ICE-lite agent needs (RFC 8445, 2.5): it is asked, and answers. Written here because
 * werift answers requests without checking MESSAGE-INTEGRITY: whoever knows the port could draw a call's audio to itself.
 */
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const MAGIC_COOKIE = 0x2112a442;
const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const XOR_MAPPED_ADDRESS = 0x0020;
const USE_CANDIDATE = 0x0025;
const FINGERPRINT = 0x8028;
const FINGERPRINT_XOR = 0x5354554e;
const HEADER_BYTES = 20;
const INTEGRITY_BYTES = 20;
const MESSAGE_BYTES_MAX = 1500;

export interface BindingRequest {
  /** `ours:theirs` */
  readonly username: string;
  readonly transactionId: Buffer;
  readonly isNominating: boolean;
  readonly packet: Buffer;
  readonly integrityAt: number;
}

/** A binding request that names a user and carries MESSAGE-INTEGRITY (not yet checked); null for all else. */
export const readBindingRequest = (packet: Buffer): BindingRequest | null => {
  if (packet.length < HEADER_BYTES || packet.length > MESSAGE_BYTES_MAX) return null;
  if (packet.readUInt16BE(0) !== BINDING_REQUEST || packet.readUInt32BE(4) !== MAGIC_COOKIE) return null;
  if (packet.readUInt16BE(2) !== packet.length - HEADER_BYTES) return null;
  let username: string | null = null;
  let isNominating = false;
  for (let at = HEADER_BYTES; at + 4 <= packet.length; ) {
    const type = packet.readUInt16BE(at);
    const bytes = packet.readUInt16BE(at + 2);
    const end = at + 4 + bytes;
    if (end > packet.length) return null;
    if (type === MESSAGE_INTEGRITY) {
      // What follows it is not protected (RFC 8489, 14.5), and not read.
      if (bytes !== INTEGRITY_BYTES || username === null) return null;
      return { username, transactionId: packet.subarray(8, 20), isNominating, packet, integrityAt: at };
    }
    if (type === USERNAME) username = packet.toString('latin1', at + 4, end);
    if (type === USE_CANDIDATE) isNominating = true;
    at = end + ((4 - (bytes % 4)) % 4);
  }
  return null;
};

/** HMAC over all before the attribute; the length in the header counts up to its end. */
const integrityOf = (packet: Buffer, integrityAt: number, password: string): Buffer => {
  const header = Buffer.from(packet.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(integrityAt + 4 + INTEGRITY_BYTES - HEADER_BYTES, 2);
  return createHmac('sha1', password)
    .update(header)
    .update(packet.subarray(HEADER_BYTES, integrityAt))
    .digest();
};

/** True when whoever asks knows the password of our answer. */
export const isGenuine = ({ packet, integrityAt }: BindingRequest, password: string): boolean =>
  timingSafeEqual(
    integrityOf(packet, integrityAt, password),
    packet.subarray(integrityAt + 4, integrityAt + 4 + INTEGRITY_BYTES),
  );

/** Groups of an IPv6 address as Node prints it: compressed, perhaps with an IPv4 address at its end. */
const ipv6Bytes = (address: string): Buffer => {
  const [plain = ''] = address.split('%');
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const text =
    v4 === null
      ? plain
      : `${v4[1]}${((Number(v4[2]) << 8) | Number(v4[3])).toString(16)}:${((Number(v4[4]) << 8) | Number(v4[5])).toString(16)}`;
  const [head = '', tail] = text.split('::');
  const groupsOf = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const bytes = Buffer.alloc(16);
  for (const [at, group] of [...first, ...Array<number>(missing).fill(0), ...last].slice(0, 8).entries())
    bytes.writeUInt16BE(group & 0xffff, at * 2);
  return bytes;
};

const mappedAddress = (address: string, port: number, transactionId: Buffer): Buffer => {
  const isV4 = isIPv4(address);
  const plain = isV4 ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  transactionId.copy(mask, 4);
  const value = Buffer.alloc(4 + plain.length);
  value.writeUInt8(isV4 ? 1 : 2, 1);
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  for (const [at, byte] of plain.entries()) value.writeUInt8(byte ^ mask.readUInt8(at), 4 + at);
  return value;
};

/** Says from where we were asked. */
export const writeBindingSuccess = (
  request: BindingRequest,
  from: { readonly address: string; readonly port: number },
  password: string,
): Buffer => {
  const mapped = mappedAddress(from.address, from.port, request.transactionId);
  const integrityAt = HEADER_BYTES + 4 + mapped.length;
  const fingerprintAt = integrityAt + 4 + INTEGRITY_BYTES;
  const packet = Buffer.alloc(fingerprintAt + 8);
  packet.writeUInt16BE(BINDING_SUCCESS, 0);
  packet.writeUInt16BE(packet.length - HEADER_BYTES, 2);
  packet.writeUInt32BE(MAGIC_COOKIE, 4);
  request.transactionId.copy(packet, 8);
  packet.writeUInt16BE(XOR_MAPPED_ADDRESS, HEADER_BYTES);
  packet.writeUInt16BE(mapped.length, HEADER_BYTES + 2);
  mapped.copy(packet, HEADER_BYTES + 4);
  packet.writeUInt16BE(MESSAGE_INTEGRITY, integrityAt);
  packet.writeUInt16BE(INTEGRITY_BYTES, integrityAt + 2);
  integrityOf(packet, integrityAt, password).copy(packet, integrityAt + 4);
  packet.writeUInt16BE(FINGERPRINT, fingerprintAt);
  packet.writeUInt16BE(4, fingerprintAt + 2);
  packet.writeUInt32BE((crc32(packet.subarray(0, fingerprintAt)) ^ FINGERPRINT_XOR) >>> 0, fingerprintAt + 4);
  return packet;
};
