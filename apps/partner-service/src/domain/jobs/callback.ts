import type { AnalysisResults, Callback } from '@switchboard/contracts';

export type JobType = Callback['job_type'];

export type Outcome =
  | { readonly status: 'completed'; readonly callId: string; readonly results: AnalysisResults }
  | {
      readonly status: 'failed';
      readonly errorMessage: string;
      readonly errorDetails: NonNullable<Callback['error_details']>;
    };

/**
 * The text of a callback (partner guide, "Webhook Callback"): its fields in the guide's order, printed by
 * JSON.stringify, so that a receiver that parses and prints it again in JavaScript gets the bytes that were signed.
 */
export const writeCallback = (
  job: { readonly id: string; readonly jobType: JobType },
  outcome: Outcome,
  at: Date,
): string => {
  const head = {
    job_id: job.id,
    job_type: job.jobType,
    status: outcome.status,
    timestamp: at.toISOString(),
  };
  const callback: Callback =
    outcome.status === 'completed'
      ? { ...head, call_id: outcome.callId, results: outcome.results }
      : { ...head, error_message: outcome.errorMessage, error_details: outcome.errorDetails };
  return JSON.stringify(callback);
};
