import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Log } from '@switchboard/bus';
import { AppError, type Clock, type PublicJwk } from '@switchboard/contracts';
import type { Executor } from '../database.ts';
import type { Secrets } from '../tokens/secrets.ts';
import { listSigningKeys, type SigningKeyRecord } from './signing-key-repository.ts';

export interface Signer {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** The signing keys in memory, read again after a minute: no token costs a question to the database. */
export interface KeyRing {
  /** The key that signs now. Throws SERVICE_UNAVAILABLE while there is none that this process can open. */
  signer(executor: Executor): Promise<Signer>;
  /** What others check tokens with, newest first: as it is now, for whoever asks may hold a token of a key of a moment ago. */
  published(executor: Executor): Promise<PublicJwk[]>;
  /** Reads them again at the next question. */
  forget(): void;
}

export const SIGNING_KEY_BOX = 'signing keys';
export const signingKeyContext = (kid: string): string => `identity.signing_keys ${kid}`;

/** Much less than a new key is published before it signs (see rotate-signing-key.ts). */
const REREAD_AFTER_MS = 60_000;

interface Snapshot {
  readonly readAtMs: number;
  readonly keys: readonly SigningKeyRecord[];
  readonly opened: Map<string, KeyObject | null>;
}

export const createKeyRing = (deps: {
  readonly clock: Clock;
  readonly log: Log;
  readonly secrets: Secrets;
}): KeyRing => {
  const { clock, log, secrets } = deps;
  let snapshot: Snapshot | null = null;
  let forgotten = 0;

  // With the executor of whoever asks, also within a transaction: a second connection could be one too many.
  const readNow = async (executor: Executor): Promise<Snapshot> => {
    const readAtMs = clock.now().getTime();
    const begun = forgotten;
    const keys = await listSigningKeys(executor);
    const read = { readAtMs, keys, opened: snapshot?.opened ?? new Map() };
    // What was read before a change is not kept after it.
    if (begun === forgotten) snapshot = read;
    return read;
  };

  const read = async (executor: Executor): Promise<Snapshot> => {
    const isFresh = snapshot && Math.abs(clock.now().getTime() - snapshot.readAtMs) < REREAD_AFTER_MS;
    return snapshot && isFresh ? snapshot : readNow(executor);
  };

  const open = (key: SigningKeyRecord, opened: Snapshot['opened']): KeyObject | null => {
    const known = opened.get(key.kid);
    if (known !== undefined) return known;
    let privateKey: KeyObject | null = null;
    try {
      const pem = secrets.box(SIGNING_KEY_BOX).open(key.privateKeyEncrypted, signingKeyContext(key.kid));
      privateKey = createPrivateKey(pem);
    } catch (error) {
      log.error(
        { err: error, kid: key.kid },
        'A signing key cannot be opened: is IDENTITY_ENCRYPTION_KEY_PREVIOUS the key before the last change?',
      );
    }
    opened.set(key.kid, privateKey);
    return privateKey;
  };

  return {
    async signer(executor) {
      const { keys, opened } = await read(executor);
      const now = clock.now();
      const begun = keys.filter(({ signsFrom }) => signsFrom <= now);
      // A replica with another secret may have ended a key that this one can open: tokens of it are still accepted, and
      // that is better than none.
      const usable = [
        ...begun.filter(({ signsUntil }) => signsUntil === null || signsUntil > now),
        ...begun.filter(({ publishedUntil }) => publishedUntil !== null && publishedUntil > now),
      ];
      for (const key of usable) {
        const privateKey = open(key, opened);
        if (privateKey) return { kid: key.kid, privateKey };
      }
      snapshot = null;
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'There is no key to sign tokens with yet' });
    },
    async published(executor) {
      const { keys } = await readNow(executor);
      const now = clock.now();
      return keys
        .filter((key) => key.publishedUntil === null || key.publishedUntil > now)
        .map((key) => key.publicJwk);
    },
    forget() {
      forgotten += 1;
      snapshot = null;
    },
  };
};
