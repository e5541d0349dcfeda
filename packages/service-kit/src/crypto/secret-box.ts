import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/**
 * Encrypts what must be stored and read again: private keys, secrets of endpoints, keys of providers. AES-256-GCM; the
 * context (table and row) is authenticated, so that a value moved to another row does not open.
 */
export interface SecretBox {
  seal(plain: string, context: string): string;
  /** Throws when the text was changed, belongs to another context, or no configured key made it. */
  open(sealed: string, context: string): string;
  /** Whether the current key made the text; what an older one made is to be sealed anew before that one is dropped. */
  isCurrent(sealed: string): boolean;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';

interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

const keyOf = (secret: string, purpose: string): Key => ({
  // Tells which secret made a text, and nothing about the secret.
  id: createHash('sha256').update(`switchboard key id\n${secret}`).digest('hex').slice(0, 8),
  bytes: Buffer.from(hkdfSync('sha256', secret, '', `switchboard ${purpose}`, 32)),
});

/**
 * @param secrets the current one, and during a rotation the one before
 * @param purpose keeps boxes of one secret apart from each other
 */
export const createSecretBox = (secrets: readonly string[], purpose: string): SecretBox => {
  const keys = secrets.map((secret) => keyOf(secret, purpose));
  const [current] = keys;
  if (!current) throw new TypeError('a secret box needs a secret');
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current.bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([
        nonce,
        cipher.update(plain, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      return `${VERSION}.${current.id}.${sealed.toString('base64url')}`;
    },
    isCurrent: (sealed) => sealed.startsWith(`${VERSION}.${current.id}.`),
    open(sealed, context) {
      const [version, id, text = ''] = sealed.split('.');
      const key = version === VERSION ? keys.find((each) => each.id === id) : undefined;
      if (!key) throw new Error('It was encrypted with a secret that is not configured any more');
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)),
        decipher.final(),
      ]).toString('utf8');
    },
  };
};
