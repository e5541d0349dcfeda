import { timingSafeEqual } from 'node:crypto';
import type { Secrets } from '../tokens/secrets.ts';

/**
 * A refresh token is a session's id and the number of the refresh, with an HMAC over both. None is stored: whoever holds
 * the row can make the present one again, which is what a racing tab or a lost answer needs.
 */
export interface RefreshTokenClaims {
  readonly sessionId: string;
  readonly counter: number;
}

const VERSION = 1;
const ID_BYTES = 16;
const MAC_BYTES = 24;
const HEAD_BYTES = 1 + ID_BYTES + 4;
/** 45 bytes, so without padding and with one spelling only. */
const TOKEN = /^[A-Za-z0-9_-]{60}$/;
const PURPOSE = 'refresh tokens';

const macsOf = (secrets: Secrets, head: Buffer): readonly Buffer[] =>
  secrets.macs(PURPOSE, head).map((mac) => mac.subarray(0, MAC_BYTES));

export const makeRefreshToken = (secrets: Secrets, { sessionId, counter }: RefreshTokenClaims): string => {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(VERSION, 0);
  head.write(sessionId.replaceAll('-', ''), 1, 'hex');
  head.writeUInt32BE(counter, 1 + ID_BYTES);
  const [mac] = macsOf(secrets, head);
  if (!mac) throw new TypeError('there is no secret to make a refresh token with');
  return Buffer.concat([head, mac]).toString('base64url');
};

/** Null for what we never made. */
export const readRefreshToken = (secrets: Secrets, token: string): RefreshTokenClaims | null => {
  if (!TOKEN.test(token)) return null;
  const bytes = Buffer.from(token, 'base64url');
  const head = bytes.subarray(0, HEAD_BYTES);
  const given = bytes.subarray(HEAD_BYTES);
  if (head.readUInt8(0) !== VERSION) return null;
  if (!macsOf(secrets, head).some((mac) => timingSafeEqual(mac, given))) return null;
  const hex = head.toString('hex', 1, 1 + ID_BYTES);
  return {
    sessionId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    counter: head.readUInt32BE(1 + ID_BYTES),
  };
};
