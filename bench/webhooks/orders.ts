/** Where the load is told to send: a callback to an address, or a message to whatever endpoints an owner has. */
export type LoadTarget =
  | { readonly kind: 'callback'; readonly url: string; readonly keyId: string }
  | { readonly kind: 'owner'; readonly owner: string };

/** What a load process is told to do. */
export interface SendOrder {
  /** In turns. */
  readonly targets: readonly LoadTarget[];
  readonly count: number;
  /** null: as fast as they are acknowledged, 100 at a time. */
  readonly ratePerSecond: number | null;
}

/** About what the callback of a short call is long. */
export const BODY = JSON.stringify({
  status: 'completed',
  results: { transcript: 'word '.repeat(1_600), overall_score: 8.5 },
});

/** Attempts at a time, to one receiver: the same for whoever is measured. */
export const CONCURRENCY_PER_TARGET = 20;
export const TARGETS = 20;
