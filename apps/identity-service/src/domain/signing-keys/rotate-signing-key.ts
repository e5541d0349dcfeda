import { createHash, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError, identityEvents, type PublicJwk } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { ACCESS_TOKEN_SECONDS } from '../tokens/access-token.ts';
import { SIGNING_KEY_BOX, signingKeyContext } from './key-ring.ts';
import {
  deleteOtherSigningKeys,
  deleteOverSigningKeys,
  endOtherSigningKeys,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  type SigningKeyRecord,
  setSignsFrom,
} from './signing-key-repository.ts';

/** A new key is published this long before it signs: longer than whoever checks tokens keeps what was published. */
const PUBLISHED_BEFORE_SECONDS = 15 * 60;
/** A replica that did not hear of the change signs with the old key for a minute; clocks differ. */
const LEEWAY_SECONDS = 5 * 60;

const RSA_BITS = 2048;
const generateRsa = promisify(generateKeyPair);

export interface RotationInput {
  /** True: the new key signs from now on, whoever has not read it yet. */
  readonly immediately: boolean;
  /** True: nobody accepts what the old keys signed any more, so every access token must be refreshed. For keys that were lost. */
  readonly revokeOld?: boolean;
}

export interface Rotation {
  readonly kid: string;
  readonly signsFrom: Date;
  /** Keys that are not accepted any more. */
  readonly revoked: readonly string[];
}

type KeyDeps = Pick<Deps, 'data' | 'secrets' | 'keyRing'>;

const after = (time: Date, seconds: number): Date => new Date(time.getTime() + seconds * 1000);

/** RFC 7638: the key's own fingerprint, so that one id can never mean two keys. */
const thumbprint = ({ e, kty, n }: { e?: unknown; kty?: unknown; n?: unknown }): string =>
  createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');

const makeKey = async ({ secrets }: Pick<Deps, 'secrets'>) => {
  const { publicKey, privateKey } = await generateRsa('rsa', { modulusLength: RSA_BITS });
  const jwk = publicKey.export({ format: 'jwk' });
  const kid = thumbprint(jwk);
  const publicJwk: PublicJwk = { kty: 'RSA', kid, alg: 'RS256', use: 'sig', n: jwk.n, e: jwk.e };
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    kid,
    publicJwk,
    privateKeyEncrypted: secrets.box(SIGNING_KEY_BOX).seal(pem, signingKeyContext(kid)),
  };
};

/**
 * Makes the key that signs next, in the caller's transaction (so that it can be one with its audit record); the caller
 * calls `keyRing.forget()` after it. A key that waits for its time already is that key.
 */
export const rotateSigningKey = async (
  { trx, emit }: Tools<'identity'>,
  deps: KeyDeps,
  { immediately, revokeOld = false }: RotationInput,
): Promise<Rotation> => {
  await lockSigningKeys(trx);
  const now = deps.data.clock.now();
  const keys = await listSigningKeys(trx);
  const isFirst = keys.length === 0;
  const signsFrom = immediately || isFirst ? now : after(now, PUBLISHED_BEFORE_SECONDS);
  const waiting = keys.find((key) => key.signsFrom > now);
  let kid = waiting?.kid;
  if (waiting && !immediately) return { kid: waiting.kid, signsFrom: waiting.signsFrom, revoked: [] };
  if (kid === undefined) {
    const made = await makeKey(deps);
    kid = made.kid;
    await insertSigningKey(trx, { ...made, createdAt: now, signsFrom });
    emit(identityEvents.signingKeyChanged, { kid, change: 'added' });
  } else await setSignsFrom(trx, kid, signsFrom);
  if (revokeOld) {
    const revoked = await deleteOtherSigningKeys(trx, kid);
    for (const gone of revoked) emit(identityEvents.signingKeyChanged, { kid: gone, change: 'revoked' });
    return { kid, signsFrom, revoked };
  }
  const publishedUntil = after(signsFrom, ACCESS_TOKEN_SECONDS + LEEWAY_SECONDS);
  await endOtherSigningKeys(trx, kid, { signsUntil: signsFrom, publishedUntil });
  return { kid, signsFrom, revoked: [] };
};

/** Makes a key when there is none that signs and can be opened: at the first boot, or after the secret was changed. */
export const ensureSigningKey = async (deps: KeyDeps): Promise<void> => {
  const { data, keyRing } = deps;
  await transact(data, async (tools) => {
    await lockSigningKeys(tools.trx);
    keyRing.forget();
    try {
      await keyRing.signer(tools.trx);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      await rotateSigningKey(tools, deps, { immediately: true });
    }
  });
  keyRing.forget();
};

const signingKeyOf = (keys: readonly SigningKeyRecord[], now: Date): SigningKeyRecord | undefined =>
  keys.find((key) => key.signsFrom <= now && (key.signsUntil === null || key.signsUntil > now));

/**
 * What is done again and again: the next key is made so early that it signs when the present one is
 * AUTH_SIGNING_KEY_DAYS old, and keys of which no token lives any more are removed. Replicas take turns.
 */
export const keepSigningKeys = async (
  deps: Pick<Deps, 'config'> & KeyDeps,
): Promise<{ readonly rotated: number; readonly removed: number }> => {
  const { config, data, keyRing } = deps;
  const done = await transact(data, async (tools) => {
    const { trx, emit } = tools;
    await lockSigningKeys(trx);
    const now = data.clock.now();
    const removed = await deleteOverSigningKeys(trx, now);
    for (const kid of removed) emit(identityEvents.signingKeyChanged, { kid, change: 'removed' });
    const keys = await listSigningKeys(trx);
    const current = signingKeyOf(keys, now);
    const isDue =
      current === undefined ||
      (current.signsUntil === null &&
        after(current.signsFrom, config.identity.signingKeyDays * 86_400 - PUBLISHED_BEFORE_SECONDS) <= now);
    if (isDue) await rotateSigningKey(tools, deps, { immediately: current === undefined });
    return { rotated: isDue ? 1 : 0, removed: removed.length };
  });
  if (done.rotated + done.removed > 0) keyRing.forget();
  return done;
};
