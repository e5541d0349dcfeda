import type { Bus } from '@switchboard/bus';
import type { Database } from '@switchboard/db';
import type { UploadBudget } from '@switchboard/service-kit';
import type { Config } from './config.ts';
import type { Data } from './domain/database.ts';

/** What routes work with. */
export interface Deps {
  readonly config: Pick<Config, 'partner'>;
  readonly data: Data;
  readonly database: Pick<Database<'partner'>, 'check'>;
  readonly bus: Pick<Bus, 'isConnected' | 'request'>;
  readonly uploads: UploadBudget;
}
