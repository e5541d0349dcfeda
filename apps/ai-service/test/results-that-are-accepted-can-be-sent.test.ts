import { createEnvelope } from '@switchboard/bus';
import { type AnalysisResults, aiEvents, systemClock, webhookEvents } from '@switchboard/contracts';
import { expect, test } from 'vitest';
import { requireSendable } from '../src/domain/analysis/require-sendable.ts';
import { AnalysisFailure } from '../src/domain/analysis/types.ts';
import { toFailure } from '../src/domain/transcription/cloud-chunks.ts';

const { example } = aiEvents.analysisCompleted;
const { example: request } = webhookEvents.deliveryRequested;
const about = { id: example.job_id, source: 'test', time: systemClock.now() };

const resultsWith = (transcript: string): AnalysisResults =>
  aiEvents.analysisCompleted.data.parse({ ...example, results: { ...example.results, transcript } }).results;

const sendBoth = (results: AnalysisResults) => {
  const data = { job_id: example.job_id, duration_seconds: 1, results };
  createEnvelope({ ...about, event: aiEvents.analysisCompleted, data });
  // As partner-service words it: the callback is a text inside the event.
  const body = JSON.stringify({ job_id: example.job_id, status: 'completed', results });
  const callback = { ...request, url: `https://example.com/${'x'.repeat(2_000)}`, body };
  createEnvelope({ ...about, event: webhookEvents.deliveryRequested, data: callback });
};

// A result that is accepted here and cannot be sent later would leave its job without an end.
test.each([
  ['plain words', 'a'],
  ['quotes', '"'],
  ['line breaks', '\n'],
  ['letters of three bytes', '語'],
])('the longest results that are accepted fit into both events: %s', (_what, character) => {
  const isAccepted = (length: number) => {
    try {
      requireSendable(resultsWith(character.repeat(length)));
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(AnalysisFailure);
      return false;
    }
  };
  let [fits, tooLong] = [0, 1_000_000];
  while (tooLong - fits > 1) {
    const length = Math.floor((fits + tooLong) / 2);
    if (isAccepted(length)) fits = length;
    else tooLong = length;
  }
  expect(fits).toBeGreaterThan(200_000);
  sendBoth(resultsWith(character.repeat(fits)));
});

test.each([400, 503])('what a provider says with HTTP %s can be stored, whatever it is', (status) => {
  const { message } = toFailure('The server', status, new Error('no \u0000 such \ud800 model'));
  expect(message).toContain('no  such \ufffd model');
});
