import type { BodyOf, ReplayAnswer, webhookAdminRoutes } from '@switchboard/contracts';
import type { WebhooksSchema } from '@switchboard/db';
import type { Selectable } from 'kysely';

/**
 * TERMINOLOGY — *replay*: deliveries that somebody had sent again, with their old webhook-id and bytes, on a fresh
 * schedule. *Total*: those its filter found when it was made. *Put in line*: made pending and due. *Looked through*:
 * every one it found was put in line or skipped; they may still be on their way.
 */
export type Replay = Selectable<WebhooksSchema['webhook_replays']>;

/** Which deliveries to send again. */
export type ReplayFilter = Omit<
  BodyOf<(typeof webhookAdminRoutes)['createReplay']>,
  'rate_per_second' | 'dry_run'
>;

export interface ReplayRequest {
  /** `missed`: what was held while an endpoint was disabled. */
  readonly kind: ReplayAnswer['kind'];
  readonly filter: ReplayFilter;
  readonly ratePerSecond: number;
}
