import type { EngineDescriptor } from '@switchboard/contracts';

/*
 * TERMINOLOGY
 *   piece    a stretch of speech of one channel, cut at pauses: what a recogniser is given at once
 *   segment  a stretch of the transcript: what one speaker said, with its time
 *   speaker  the channel a segment comes from: `agent` (left) and `customer` (right), or `speaker` in a mono recording
 */

export interface TranscriptionInput {
  /** One or two channels, samples in -1…1, as decodeAudio gives them. */
  readonly channels: readonly Float32Array<ArrayBuffer>[];
  readonly sampleRate: 16_000;
  /** ISO 639-1, perhaps with a region (`en-US`). Left out: the engine finds out, or takes English. */
  readonly language?: string;
  readonly signal: AbortSignal;
  /** Told the share that is done, 0…1, growing. */
  readonly onProgress: (share: number) => void;
}

export interface TranscribedSegment {
  readonly start_s: number;
  readonly end_s: number;
  readonly speaker: string;
  readonly text: string;
  /** 0…1; left out when the engine does not say. */
  readonly confidence?: number;
}

export interface Transcription {
  readonly segments: TranscribedSegment[];
  /** One line a segment: `agent: …`. */
  readonly transcript: string;
  /** ISO 639-1 where the engine says it so; `en` for the offline engines. */
  readonly language: string;
  readonly engine: EngineDescriptor;
}

/**
 * Turns speech into text. Throws AnalysisFailure (`LANGUAGE_UNSUPPORTED`, `ANALYSIS_FAILED`: trying again gives the same),
 * PassingFailure (the provider was away, a thread was lost) or the reason of `signal`.
 */
export interface TranscriptionEngine {
  readonly name: string;
  transcribe(input: TranscriptionInput): Promise<Transcription>;
  /** Ends threads and removes temporary files. */
  close(): Promise<void>;
}
