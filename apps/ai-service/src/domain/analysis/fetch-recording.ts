import { createHash } from 'node:crypto';
import type { Bus } from '@switchboard/bus';
import { AUDIO_BYTES_MAX, AUDIO_CHUNK_BYTES, partnerRpcs } from '@switchboard/contracts';
import {
  fetchTarget,
  TargetFailedError,
  type TargetPolicy,
  TargetRefusedError,
} from '@switchboard/service-kit';
import { AnalysisFailure, PassingFailure } from './types.ts';

/** How long a partner's server may take for a recording, redirects included (spec: partner, `audio_file`). */
const FETCH_TIMEOUT_MS = 30_000;
const REDIRECTS_MAX = 3;
const RPC_TIMEOUT_MS = 10_000;

export interface RecordingSource {
  readonly bus: Bus;
  /** Sandbox jobs may use plain http, and private addresses where the operator opened them. */
  readonly policyFor: (environment: 'sandbox' | 'production') => TargetPolicy;
}

const fetchStored = async (
  { bus }: RecordingSource,
  jobId: string,
  stored: { readonly bytes: number; readonly sha256: string },
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const recording = Buffer.alloc(stored.bytes);
  for (let offset = 0; offset < stored.bytes; offset += AUDIO_CHUNK_BYTES) {
    signal.throwIfAborted();
    const { data } = await bus.request(
      partnerRpcs.audioChunk,
      { job_id: jobId, offset },
      { timeoutMs: RPC_TIMEOUT_MS },
    );
    Buffer.from(data, 'base64').copy(recording, offset);
  }
  if (createHash('sha256').update(recording).digest('hex') !== stored.sha256) {
    throw new PassingFailure('AUDIO_FETCH_FAILED', 'The recording arrived with other bytes than were stored');
  }
  return recording;
};

const fetchFromUrl = async (url: string, policy: TargetPolicy, signal: AbortSignal): Promise<Uint8Array> => {
  try {
    const answer = await fetchTarget(url, {
      policy,
      signal,
      timeoutMs: FETCH_TIMEOUT_MS,
      bytesMax: AUDIO_BYTES_MAX,
      redirectsMax: REDIRECTS_MAX,
    });
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    const message = `The server of audio_file answered HTTP ${answer.status}`;
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
      throw new PassingFailure('AUDIO_FETCH_FAILED', message);
    }
    throw new AnalysisFailure('AUDIO_FETCH_FAILED', message, { http_status: answer.status });
  } catch (error) {
    if (error instanceof TargetRefusedError) throw new AnalysisFailure('AUDIO_URL_REFUSED', error.message);
    if (!(error instanceof TargetFailedError)) throw error;
    if (error.reason === 'too large') {
      throw new AnalysisFailure('AUDIO_TOO_LARGE', `The recording has more than ${AUDIO_BYTES_MAX} bytes`);
    }
    throw new PassingFailure(
      'AUDIO_FETCH_FAILED',
      `audio_file could not be fetched: ${error.message}`,
      error,
    );
  }
};

/**
 * Gets the recording of a job: its bytes, or null when the job is over meanwhile.
 *
 * @throws {AnalysisFailure} when it can never be had; {@link PassingFailure} when it may be had later
 */
export const fetchRecording = async (
  source: RecordingSource,
  jobId: string,
  signal: AbortSignal,
): Promise<Uint8Array | null> => {
  const input = await source.bus.request(
    partnerRpcs.analysisInput,
    { job_id: jobId },
    { timeoutMs: RPC_TIMEOUT_MS },
  );
  switch (input.kind) {
    case 'gone':
      return null;
    case 'stored':
      return fetchStored(source, jobId, input, signal);
    case 'url':
      return fetchFromUrl(input.url, source.policyFor(input.environment), signal);
  }
};
