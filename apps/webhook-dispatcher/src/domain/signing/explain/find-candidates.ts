import { deriveWebhookSecret } from '@switchboard/contracts';
import type { SecretBox } from '@switchboard/service-kit';
import type { Executor } from '../../deliveries/executor.ts';
import { secretContext } from '../../endpoints/endpoint-secrets.ts';
import { listSealedSecrets, type SealedSecret } from './explain-repository.ts';
import type { Candidate, Sent } from './types.ts';

/** Null: it cannot be decrypted. */
export const openSecret = (box: SecretBox, { endpointId, sealed }: SealedSecret): string | null => {
  try {
    return box.open(sealed, secretContext(endpointId));
  } catch {
    return null;
  }
};

const wordsOf = (expiresAt: Date | null, now: Date): string => {
  if (expiresAt === null) return 'the current secret';
  return expiresAt > now
    ? `an old secret, which signs until ${expiresAt.toISOString()}`
    : `an old secret, which signed until ${expiresAt.toISOString()}`;
};

/** Secrets of an endpoint, those that ended not long ago too. */
export const candidatesOfEndpoint = async (
  executor: Executor,
  box: SecretBox,
  endpointId: string,
  now: Date,
): Promise<readonly Candidate[]> => {
  const sealed = await listSealedSecrets(executor, endpointId);
  return sealed.flatMap((one) => {
    const secret = openSecret(box, one);
    if (secret === null) return [];
    const isLive = one.expiresAt === null || one.expiresAt > now;
    return [{ secret, isLive, words: wordsOf(one.expiresAt, now) }];
  });
};

/** Versions of a partner's secret beside the one that signs a callback: what it had before, or was given since. */
const VERSIONS_BEFORE = 5;
const VERSIONS_AFTER = 2;

/** Secrets of the partner key that a callback belongs to. */
export const candidatesOfCallback = (
  { keyId, secretVersion }: Pick<Sent, 'keyId' | 'secretVersion'>,
  webhookSecret: string,
): readonly Candidate[] => {
  if (keyId === null || secretVersion === null) return [];
  const first = Math.max(1, secretVersion - VERSIONS_BEFORE);
  const count = secretVersion + VERSIONS_AFTER - first + 1;
  const versions = Array.from({ length: count }, (_, index) => first + index);
  return versions.map((version) => ({
    secret: deriveWebhookSecret(webhookSecret, { keyId, version }),
    isLive: version === secretVersion,
    words:
      version === secretVersion
        ? `version ${version} of the partner key's webhook secret, which signs this callback`
        : `version ${version} of the partner key's webhook secret, but this callback is signed with version ${secretVersion}`,
  }));
};
