import type { Environment, WebhookProfile } from '@switchboard/contracts';
import type { Schedule } from './schedule.ts';

/**
 * TERMINOLOGY — *message*: one event for one owner, with a body whose bytes never change. *Endpoint*: an address with a
 * secret and a set of event types. *Delivery*: one message to one endpoint, or to an address that came with it (a
 * *callback*). *Attempt*: one HTTP request of a delivery. *Due*: a dispatcher may take it now. *Lease*: one dispatcher
 * works on it until then, and says so again while it does. *Lost attempt*: one whose dispatcher ended before it knew
 * the outcome; it has a number and a row, because the receiver may have seen it. *Step*: how far a delivery is in its
 * schedule; a lost attempt does not move it. *Lane*: who waits behind whom, and what sends are bounded by, so that one
 * that hangs holds up nobody else: an endpoint, or the callbacks of one owner to one host. *Held*: kept while its endpoint
 * is disabled.
 */
export type Profile = WebhookProfile;

/** Which secret signs a callback; the secret itself is derived when it is needed. */
export interface SecretReference {
  readonly kind: 'partner';
  readonly key_id: string;
  readonly version: number;
}

/** What signs an attempt, and what else it carries. */
export type Signing =
  | { readonly profile: 'partner'; readonly secret: SecretReference }
  | {
      readonly profile: 'standard';
      readonly endpointId: string;
      /** `webhook-sequence` */
      readonly sequence: number;
      /** Every live secret of the endpoint, encrypted, the current one first. */
      readonly secretsSealed: readonly string[];
      /** The endpoint's own headers, encrypted. */
      readonly headersSealed: string | null;
    };

/** A delivery in the hands of this process: everything its next attempt needs. */
export interface LeasedDelivery {
  readonly id: string;
  readonly messageId: string;
  readonly eventType: string;
  readonly body: string;
  readonly traceparent: string | null;
  readonly owner: string;
  readonly lane: string;
  readonly url: string;
  /** Host and port of the url, for logs. */
  readonly host: string;
  readonly environment: Environment;
  readonly signing: Signing;
  /** Of its endpoint, else of its profile. */
  readonly schedule: Schedule;
  /** The replay that it was last sent again by. */
  readonly replayId: string | null;
  /** The number of the attempt to be made, from 1. */
  readonly attemptNumber: number;
  /** Steps of the schedule that are used up. */
  readonly step: number;
  /** Attempts before its schedule began anew, because a replay sends it again. */
  readonly earlierAttempts: number;
  /** When it was first to be sent; accept → first attempt is measured from here. */
  readonly createdAt: Date;
}

/** A lane as whoever decides about slots has to know it. */
export interface Lane {
  readonly lane: string;
  /** Bounded too, over all lanes: one owner with many names must not take everything. */
  readonly owner: string;
  /** Most attempts at a time, over all dispatchers; null: as many as this process grants to callbacks. */
  readonly concurrency: number | null;
  /** Over all dispatchers; null: as fast as it answers. */
  readonly ratePerSecond: number | null;
  /** Nothing is sent before this time: its circuit is open. Null too where whoever made the lane does not know. */
  readonly openUntil: Date | null;
}

/** What the database says about the circuit of a lane. */
export interface LaneHealth {
  readonly lane: string;
  /** In the past: one attempt at a time, until one succeeds. Null: it is closed. */
  readonly openUntil: Date | null;
}

/** What attempts that are on record now did to an endpoint. */
export type EndpointChange =
  | { readonly endpointId: string; readonly change: 'disabled'; readonly reason: 'gone' | 'failing' }
  | { readonly endpointId: string; readonly change: 'circuit opened'; readonly until: Date };

/** A delivery by name, for whoever decides whether there is a slot for it. */
export interface DeliveryReference {
  readonly id: string;
  readonly lane: Lane;
}

/** What a transaction stored that is due. */
export interface StoredDeliveries {
  /** Under a lease of this process, to be begun after the commit. */
  readonly begun: readonly LeasedDelivery[];
  /** To be offered. */
  readonly waiting: readonly DeliveryReference[];
}

/** What a delivery is leased with. */
export interface Lease {
  readonly owner: string;
  readonly now: Date;
  readonly until: Date;
}

/** Takes a slot for a delivery that is about to be stored, and gives the lease it is stored with; null: it has to wait. */
export type Reserve = (lane: Lane) => Lease | null;

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
