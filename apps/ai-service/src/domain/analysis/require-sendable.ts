import { type AnalysisResults, EVENT_BYTES_MAX } from '@switchboard/contracts';
import { AnalysisFailure } from './types.ts';

/** What an event has beside the results: the fields of a callback, an address, the envelope. */
const OTHER_BYTES = 20_000;

/**
 * Refuses results that cannot be told. They travel in one event as they are, and in another one as the text of a
 * callback, where every quote and backslash counts twice: measured as that.
 *
 * @throws {AnalysisFailure} ANALYSIS_FAILED
 */
export const requireSendable = (results: AnalysisResults): void => {
  const bytesMax = EVENT_BYTES_MAX - OTHER_BYTES;
  const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify(results)));
  if (bytes <= bytesMax) return;
  const message = `The results have ${bytes} bytes as the text of a callback; at most ${bytesMax} fit`;
  throw new AnalysisFailure('ANALYSIS_FAILED', message);
};
