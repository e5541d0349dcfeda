import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { createSecretBox, type SecretBox } from '@switchboard/service-kit';
import type { Config } from '../../config.ts';

/** What is derived from IDENTITY_ENCRYPTION_KEY, one key a purpose, so that none can stand in for another. */
export interface Secrets {
  /** Encrypts what is read again. */
  box(purpose: string): SecretBox;
  /** HMAC-SHA-256 by the current secret, then by the one before, if there is one. */
  macs(purpose: string, message: string | Buffer): readonly Buffer[];
}

export const createSecrets = (config: Config['identity']): Secrets => {
  const { encryptionKey, previousEncryptionKey } = config;
  const all = previousEncryptionKey === undefined ? [encryptionKey] : [encryptionKey, previousEncryptionKey];
  const boxes = new Map<string, SecretBox>();
  const keys = new Map<string, readonly Buffer[]>();
  const keysFor = (purpose: string): readonly Buffer[] => {
    const known = keys.get(purpose);
    if (known) return known;
    const made = all.map((secret) =>
      Buffer.from(hkdfSync('sha256', secret, '', `switchboard mac ${purpose}`, 32)),
    );
    keys.set(purpose, made);
    return made;
  };
  return {
    box(purpose) {
      const box = boxes.get(purpose) ?? createSecretBox(all, purpose);
      boxes.set(purpose, box);
      return box;
    },
    macs: (purpose, message) =>
      keysFor(purpose).map((key) => createHmac('sha256', key).update(message).digest()),
  };
};

/** How tokens and codes of ≥ 128 random bits are stored and looked up. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
