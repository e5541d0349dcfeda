import type { Config } from './config.ts';
import type { Data } from './domain/database.ts';

/** What routes, responders and consumers work with. */
export interface Deps {
  readonly config: Config;
  readonly data: Data;
}
