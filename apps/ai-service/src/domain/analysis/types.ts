import { storable } from './storable.ts';

/*
 * TERMINOLOGY
 *   analysis   the work on one job; a row of ai.analyses
 *   worker     one process of this service; named anew at every start
 *   lease      until when a worker has an analysis for itself; renewed by heartbeats while it works
 *   dead worker  a worker whose lease ran out: it was killed, or cut off from Postgres for longer than its lease
 *   release    giving an analysis back unharmed, at shutdown
 *   suspect    an analysis that fails if one worker more dies: of it, or of another one beside it
 *   failure    a try that ended with an error that may pass
 */

/** Why an analysis ends `failed`; the partner sees it as `error_details.code`. */
export const failureCodes = [
  'EMPTY_AUDIO',
  'INVALID_AUDIO_FILE',
  'AUDIO_TOO_LONG',
  'AUDIO_TOO_LARGE',
  'AUDIO_DECODE_TIMEOUT',
  'AUDIO_FETCH_FAILED',
  'AUDIO_URL_REFUSED',
  'LANGUAGE_UNSUPPORTED',
  'SIMULATED_FAILURE',
  'ANALYSIS_FAILED',
  'WORKER_LOST',
] as const;
export type FailureCode = (typeof failureCodes)[number];

/** The recording itself is at fault, or was asked to be: trying again gives the same. */
export class AnalysisFailure extends Error {
  readonly code: FailureCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: FailureCode, message: string, details: Readonly<Record<string, string | number>> = {}) {
    // A provider's own words may be in it, and partner-service has to keep them.
    super(storable(message));
    this.name = 'AnalysisFailure';
    this.code = code;
    this.details = details;
  }
}

/** Something that may pass: the provider or the partner's server was away. The job is tried again later. */
export class PassingFailure extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, cause?: unknown) {
    super(storable(message), { cause });
    this.name = 'PassingFailure';
    this.code = code;
  }
}

export type Claim =
  /** The analysis is ours until the lease ends. `attempt` counts workers, `deadWorkers` those that ended over it. */
  | { readonly kind: 'taken'; readonly attempt: number; readonly deadWorkers: number }
  /** Another worker has it; ask again after so long. */
  | { readonly kind: 'busy'; readonly retrySeconds: number }
  /** It is over; nothing is to be done. */
  | { readonly kind: 'over' }
  /** So many workers died of it that another one would too. */
  | { readonly kind: 'workers_lost'; readonly deadWorkers: number };
