import type { BodyOf, webhookAdminRoutes } from '@switchboard/contracts';
import type { z } from 'zod';

/**
 * TERMINOLOGY — *given*: what a receiver says it got. *Sent*: what is on record here. *Candidate*: a secret that may have
 * signed. *Step*: one thing that a receiver checks, or that can be compared with the record.
 */
export type Input = BodyOf<(typeof webhookAdminRoutes)['verifySignature']>;
export type Explanation = z.input<(typeof webhookAdminRoutes)['verifySignature']['responses'][200]['schema']>;

/** How a step went; with what to do about it if it failed, in a sentence. */
export type Verdict =
  | { readonly ok: true | null; readonly detail: string }
  | { readonly ok: false; readonly detail: string; readonly advice: string };

/** A secret that may have signed a message, and what may be said of it. */
export interface Candidate {
  /** `whsec_…` */
  readonly secret: string;
  /** Signs now, alone or beside others. */
  readonly isLive: boolean;
  /** Such as "the current secret". */
  readonly words: string;
}

/** One of a message's deliveries, as it was sent. */
export interface Sent {
  readonly deliveryId: string;
  readonly endpointId: string | null;
  readonly profile: 'partner' | 'standard';
  readonly owner: string;
  readonly status: string;
  readonly attemptCount: number;
  /** Null: kept no longer. */
  readonly body: string | null;
  /** Of a callback. */
  readonly keyId: string | null;
  readonly secretVersion: number | null;
}
