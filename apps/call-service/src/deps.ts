import type { Bus } from '@switchboard/bus';
import type { SecretBox } from '@switchboard/service-kit';
import type { Config } from './config.ts';
import type { Data } from './domain/database.ts';
import type { Sessions } from './domain/sessions/sessions.ts';
import type { TelephonyDriver } from './domain/telephony/driver.ts';

/** What routes and responders work with. */
export interface Deps {
  readonly config: Pick<Config, 'edge' | 'calls' | 'media'>;
  readonly data: Data;
  readonly bus: Bus;
  readonly sessions: Sessions;
  readonly driver: Pick<TelephonyDriver, 'isUp'>;
  /** Seals answers that show a ticket, for whoever repeats the request. */
  readonly answerBox: SecretBox;
}
