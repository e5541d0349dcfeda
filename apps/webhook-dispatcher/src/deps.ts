import type { Log } from '@switchboard/bus';
import type { DataContext } from '@switchboard/db';
import type { SecretBox } from '@switchboard/service-kit';
import type { Config } from './config.ts';
import type { Engine } from './domain/engine/engine.ts';
import type { SigningKeys } from './domain/signing/signing-keys.ts';

/** What routes and responders work with. */
export interface Deps {
  readonly settings: Config['webhooks'];
  readonly data: DataContext<'webhooks'>;
  readonly engine: Pick<Engine, 'offer'>;
  /** What signs beside the secrets of endpoints. */
  readonly signingKeys: SigningKeys;
  readonly log: Log;
  /** Encrypts secrets and headers of endpoints, and the keys that sign. */
  readonly box: SecretBox;
  /** Seals answers that show a secret once, for whoever repeats the request. */
  readonly answerBox: SecretBox;
}
