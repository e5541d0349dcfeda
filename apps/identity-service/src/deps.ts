import type { Config } from './config.ts';
import type { Data } from './domain/database.ts';
import { createHashing, type Hashing } from './domain/passwords/hashing.ts';
import { createKeyRing, type KeyRing } from './domain/signing-keys/key-ring.ts';
import { createSecrets, type Secrets } from './domain/tokens/secrets.ts';

/** What routes, responders and consumers work with. */
export interface Deps {
  readonly config: Config;
  readonly data: Data;
  /** What is derived from IDENTITY_ENCRYPTION_KEY. */
  readonly secrets: Secrets;
  /** argon2id, so many at a time. */
  readonly hashing: Hashing;
  /** The keys that sign access tokens, kept in memory for a minute. */
  readonly keyRing: KeyRing;
}

export const createDeps = (config: Config, data: Data): Deps => {
  const secrets = createSecrets(config.identity);
  return {
    config,
    data,
    secrets,
    hashing: createHashing(),
    keyRing: createKeyRing({ clock: data.clock, log: data.log, secrets }),
  };
};
