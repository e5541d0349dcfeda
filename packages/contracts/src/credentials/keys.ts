import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** TERMINOLOGY — *key*: prefix + 30 random base62 characters + 6 base62 characters of CRC32 over what precedes. */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 30;
const CHECKSUM_CHARACTERS = 6;
const BODY = new RegExp(`^[0-9A-Za-z]{${RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}$`);

export const keyPrefixes = {
  partnerSandbox: 'pk_sandbox_',
  partnerProduction: 'pk_production_',
  partnerSecret: 'sk_',
  apiKey: 'ak_',
  apiSecret: 'as_',
  integrationToken: 'stk_',
  ticket: 'tk_',
} as const;

const checksumOf = (text: string): string => {
  let rest = crc32(text);
  let out = '';
  for (let i = 0; i < CHECKSUM_CHARACTERS; i += 1) {
    out = (ALPHABET[rest % 62] ?? '0') + out;
    rest = Math.floor(rest / 62);
  }
  return out;
};

/**
 * True when `key` has the prefix, the length and the checksum of a key of ours. Costs about a microsecond, so a
 * mistyped or invented key is refused before any hash or lookup.
 */
export const hasValidChecksum = (key: string, prefix: string): boolean => {
  if (!key.startsWith(prefix) || !BODY.test(key.slice(prefix.length))) return false;
  const body = key.slice(0, -CHECKSUM_CHARACTERS);
  return checksumOf(body) === key.slice(-CHECKSUM_CHARACTERS);
};

/** Completes prefix + 30 random base62 characters to a key. The databases' generators do the same in SQL. */
export const completeKey = (prefixAndRandom: string): string => prefixAndRandom + checksumOf(prefixAndRandom);

/** A new key: prefix + 30 random base62 characters + checksum. */
export const generateKey = (prefix: string): string => {
  let random = '';
  while (random.length < RANDOM_CHARACTERS) {
    for (const byte of randomBytes(RANDOM_CHARACTERS)) {
      // 248 = 4 * 62. Larger values are thrown away, or some characters would come more often than others.
      if (byte < 248 && random.length < RANDOM_CHARACTERS) random += ALPHABET[byte % 62];
    }
  }
  return completeKey(prefix + random);
};

/** SHA-256 in hex: how keys and secrets are stored and looked up. They hold ≥ 178 bits, so no slow hash. */
export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** What a screen may show of a key: its first 12 characters. */
export const displayPrefix = (key: string): string => key.slice(0, 12);
