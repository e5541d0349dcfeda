import { createPublicKey, verify } from 'node:crypto';
import { toJwk } from '../public-keys.ts';
import type { SigningKey } from '../signing-keys.ts';
import { signedContent } from '../standard-content.ts';
import type { Given } from './read-given.ts';
import type { Verdict } from './types.ts';

/** Whether one of the platform's keys made an ed25519 signature, and over what. */
export const judgePublicKey = (
  { messageId, timestamp, v1a, body }: Given,
  sentBody: Buffer | null,
  keys: readonly Pick<SigningKey, 'id' | 'publicKey'>[],
): Verdict => {
  if (v1a.length === 0 || messageId === null || timestamp === null) {
    return { ok: null, detail: 'There is no v1a signature to look at' };
  }
  const signerOf = (bytes: Buffer) => {
    const content = signedContent(messageId, timestamp, bytes);
    return keys.find((key) => {
      const publicKey = createPublicKey({ key: toJwk(key), format: 'jwk' });
      return v1a.some((signature) => verify(null, content, publicKey, signature));
    });
  };
  const signer = signerOf(body);
  if (signer) return { ok: true, detail: `A v1a signature is of the key ${signer.id} in the key set` };
  const ofSent = sentBody && signerOf(sentBody);
  if (ofSent) {
    return {
      ok: false,
      detail: `A v1a signature of the key ${ofSent.id} is right for the bytes that were sent, not for those that were given`,
      advice: 'Check the signature over the raw bytes of the request, before anything parses them.',
    };
  }
  return {
    ok: false,
    detail: 'No v1a signature is of a key in the key set',
    advice:
      'Fetch the key set again; if the signing key was rotated since the request was sent, replay the delivery.',
  };
};
