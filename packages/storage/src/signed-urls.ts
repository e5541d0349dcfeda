import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

export interface SignedUrl {
  readonly url: string;
  readonly expiresAt: Date;
}

/** Addresses that open one thing for a while, for whoever has them: a browser that follows a link sends no credential. */
export interface UrlSigner {
  sign(path: string, now: Date): SignedUrl;
  /** Whether we signed that, and it still holds. `expires` and `signature` as they came in the query. */
  verify(path: string, query: { readonly expires: string; readonly signature: string }, now: Date): boolean;
}

export interface UrlSignerOptions {
  /** The first one signs, all verify: while a secret is changed, addresses of before still open. */
  readonly secrets: readonly string[];
  /** Keeps addresses of one kind apart from all else that is signed with the same secret. */
  readonly purpose: string;
  /** Where callers reach the gateway, without a slash at its end. */
  readonly publicUrl: string;
  readonly secondsValid: number;
}

const keyOf = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `switchboard signed urls ${purpose}`, 32));

const signatureOf = (key: Buffer, path: string, expires: string): string =>
  createHmac('sha256', key).update(`${path}\n${expires}`).digest('base64url');

/** As text: of base64url's last character two bits are not read, so that four signatures would be one. */
const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));

export const createUrlSigner = (options: UrlSignerOptions): UrlSigner => {
  const { purpose, publicUrl, secondsValid } = options;
  const keys = options.secrets.map((secret) => keyOf(secret, purpose));
  const [current] = keys;
  if (!current) throw new TypeError('addresses cannot be signed without a secret');
  return {
    sign(path, now) {
      const expires = Math.floor(now.getTime() / 1000) + secondsValid;
      const signature = signatureOf(current, path, String(expires));
      return {
        url: `${publicUrl}${path}?expires=${expires}&signature=${signature}`,
        expiresAt: new Date(expires * 1000),
      };
    },
    verify(path, { expires, signature }, now) {
      // Every key is asked, so that the time says nothing of which one it was.
      const matching = keys.filter((key) => isSame(signatureOf(key, path, expires), signature));
      return matching.length > 0 && now.getTime() < Number(expires) * 1000;
    },
  };
};
