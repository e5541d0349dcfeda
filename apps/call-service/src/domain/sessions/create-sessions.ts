import type { Bus } from '@switchboard/bus';
import type { Log } from '@switchboard/service-kit';
import type { Config } from '../../config.ts';
import type { Data } from '../database.ts';
import type { TelephonyDriver } from '../telephony/driver.ts';
import type { Sessions } from './sessions.ts';

export interface SessionsDeps {
  readonly data: Data;
  readonly bus: Bus;
  readonly driver: TelephonyDriver;
  readonly log: Log;
  readonly config: Config['calls'];
}

/** What `main` ends, beside what routes use. */
export interface RunningSessions extends Sessions {
  /** Takes no new calls, and none of others. */
  stopTaking(): void;
  /** Gives every call away: another process may take it at once. */
  close(): Promise<void>;
}

export const createSessions = (_deps: SessionsDeps): RunningSessions => {
  throw new Error('to be written');
};
