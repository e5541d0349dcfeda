import type { SigningKey } from './signing-keys.ts';

/** As Standard Webhooks writes public keys. */
const PUBLIC_KEY_PREFIX = 'whpk_';

type Public = Pick<SigningKey, 'id' | 'publicKey'>;

/** RFC 8037: `alg` as most libraries know it. */
export const toJwk = ({ id, publicKey }: Public) => ({
  kty: 'OKP' as const,
  crv: 'Ed25519' as const,
  x: publicKey.toString('base64url'),
  kid: id,
  use: 'sig' as const,
  alg: 'EdDSA' as const,
});

export const toSigningKeyAnswer = (key: Public & Pick<SigningKey, 'createdAt' | 'expiresAt'>) => ({
  id: key.id,
  public_key: `${PUBLIC_KEY_PREFIX}${key.publicKey.toString('base64')}`,
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
});
