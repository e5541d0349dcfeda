import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** What tokens of other people may be signed with besides a shared secret. */
type SigningAlgorithm = 'RS256' | 'ES256';

export interface PublicKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyObject;
}

const TIMEOUT_MS = 3_000;
const BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;
const RSA_BITS_MIN = 2_048;

/** What names a key in a token: it is looked up in a map and nothing else, but nobody needs more than this for a name. */
export const KEY_ID = /^[A-Za-z0-9._-]{1,128}$/;

const jwkSchema = z.object({
  kty: z.string(),
  kid: z.string().regex(KEY_ID),
  alg: z.string().optional(),
  use: z.string().optional(),
  crv: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});

const algorithmOf = ({ kty, crv }: z.infer<typeof jwkSchema>): SigningAlgorithm | null => {
  if (kty === 'RSA') return 'RS256';
  return kty === 'EC' && crv === 'P-256' ? 'ES256' : null;
};

const readKey = (jwk: unknown): readonly [string, PublicKey] | null => {
  const read = jwkSchema.safeParse(jwk);
  if (!read.success) return null;
  const { kid, alg, use } = read.data;
  const algorithm = algorithmOf(read.data);
  if (algorithm === null || (alg ?? algorithm) !== algorithm || (use ?? 'sig') !== 'sig') return null;
  try {
    const key = createPublicKey({ key: read.data as JsonWebKeyInput['key'], format: 'jwk' });
    if (algorithm === 'RS256' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN) return null;
    return [kid, { algorithm, key }];
  } catch {
    return null;
  }
};

/** The keys of a set that can check signatures, by id; what is of another kind, or of none, is left out. */
export const readPublicKeys = (jwks: readonly unknown[]): ReadonlyMap<string, PublicKey> =>
  new Map(
    jwks
      .slice(0, KEYS_MAX)
      .map(readKey)
      .filter((entry) => entry !== null),
  );

/** Gets JSON from somebody else's server: bounded in time and bytes, without following it elsewhere. */
export const fetchJson = async (url: string, timeoutMs = TIMEOUT_MS): Promise<unknown> => {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    // Leaving the loop ends the transfer.
    if (bytes > BYTES_MAX) throw new Error(`${url} answered more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
};
