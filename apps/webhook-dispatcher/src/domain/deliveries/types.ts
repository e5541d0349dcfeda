import type { Environment } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *message*: one event for one owner, with a body whose bytes never change. *Delivery*: one message to
 * one address. *Attempt*: one HTTP request of a delivery. *Due*: a dispatcher may take it now. *Lease*: one dispatcher
 * works on it until then, and says so again while it does. *Lost attempt*: one whose dispatcher ended before it knew
 * the outcome; it has a number and a row, because the receiver may have seen it. *Step*: how far a delivery is in the
 * schedule of its profile; a lost attempt does not move it. *Host*: host and port of the target; what sends are
 * bounded by, so that one that hangs holds up nobody else.
 */
export type Profile = 'partner';

/** Which secret signs a delivery; the secret itself is derived when it is needed. */
export interface SecretReference {
  readonly kind: 'partner';
  readonly key_id: string;
  readonly version: number;
}

/** A delivery in the hands of this process: everything its next attempt needs. */
export interface LeasedDelivery {
  readonly id: string;
  readonly messageId: string;
  readonly body: string;
  readonly traceparent: string | null;
  readonly profile: Profile;
  readonly url: string;
  readonly host: string;
  readonly environment: Environment;
  readonly secret: SecretReference;
  /** The number of the attempt to be made, from 1. */
  readonly attemptNumber: number;
  /** Steps of the schedule that are used up. */
  readonly step: number;
  /** When it was first to be sent; accept → first attempt is measured from here. */
  readonly createdAt: Date;
}

/** A delivery by name, for whoever decides whether there is a slot for it. */
export interface DeliveryReference {
  readonly id: string;
  readonly host: string;
}

/** What a receiver answered, as far as it was read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The first 16 kB as text. */
  readonly body: string;
}

/** How one attempt ended. */
export interface AttemptResult {
  readonly outcome: 'succeeded' | 'failed' | 'lost';
  readonly answer: Answer | null;
  /** In words a partner can act on; null when it succeeded. */
  readonly error: string | null;
  readonly attemptedAt: Date;
  /** Null when nobody knows: the dispatcher ended in the middle. */
  readonly durationMs: number | null;
}

/** A finished attempt on its way into the database. */
export interface FinishedAttempt {
  readonly delivery: LeasedDelivery;
  readonly result: AttemptResult;
}
