import type { Bus } from '@switchboard/bus';
import type { SecretBox, UploadBudget } from '@switchboard/service-kit';
import type { Storage, UrlSigner } from '@switchboard/storage';
import type { Config } from './config.ts';
import type { Data } from './domain/database.ts';
import type { Feeds } from './domain/feed/feeds.ts';
import type { SearchCursors } from './domain/search/search-cursor.ts';
import type { SearchTurns } from './domain/search/search-turns.ts';
import type { SlaPolicy } from './domain/sla/policy.ts';

/** What routes, responders and consumers work with. */
export interface Deps {
  readonly config: Pick<Config, 'housekeeping'> & {
    readonly tickets: Pick<Config['tickets'], 'storedBytesPerTokenMax'>;
  };
  readonly data: Data;
  /** Asks other services: who a user is. */
  readonly bus: Pick<Bus, 'request'>;
  readonly feeds: Feeds;
  readonly searchCursors: SearchCursors;
  readonly searchTurns: SearchTurns;
  readonly sla: SlaPolicy;
  /** Seals answers that show a secret once, for whoever repeats the request. */
  readonly answerBox: SecretBox;
  /** Where files are. */
  readonly storage: Storage;
  /** Signs the addresses of files. */
  readonly fileUrls: UrlSigner;
  /** Of files that are received at a time. */
  readonly uploads: UploadBudget;
}
