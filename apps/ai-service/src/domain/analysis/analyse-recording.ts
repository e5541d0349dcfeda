import { setTimeout as pause } from 'node:timers/promises';
import type { AnalysisResults, DataOf, partnerEvents } from '@switchboard/contracts';
import { type DecodedAudio, type DecodeLimits, decodeAudio } from '../audio/decode-audio.ts';
import { redactTranscript } from '../content/personal-data/redact-transcript.ts';
import { type ContentEngine, LanguageUnsupportedError } from '../content/types.ts';
import { scoreCall } from '../score/score-call.ts';
import { analyseTone } from '../tone/analyse-tone.ts';
import type { TranscriptionEngine } from '../transcription/index.ts';
import { requireSendable } from './require-sendable.ts';
import { storable } from './storable.ts';
import { AnalysisFailure } from './types.ts';

export type Job = DataOf<typeof partnerEvents.jobQueued>;

export interface Engines {
  readonly transcription: TranscriptionEngine;
  readonly content: ContentEngine;
}

export interface AnalysisSettings {
  readonly decode: DecodeLimits;
  /** Personal data is masked in what is stored and sent. */
  readonly redactPersonalData: boolean;
  /** How much longer a job with `metadata.simulate = "slow"` takes. */
  readonly simulatedSlowSeconds: number;
}

export interface Analysis {
  readonly durationSeconds: number;
  readonly results: AnalysisResults;
}

/** How far a job is after each step (spec: partner, "Job"); 10 is its start, 100 its end. */
export const progressAfter = { decoded: 30, transcribed: 60, analysed: 90 } as const;

const speakersOf = (channels: number): readonly string[] =>
  channels === 2 ? ['agent', 'customer'] : ['speaker'];

const simulate = async (job: Job, settings: AnalysisSettings, signal: AbortSignal): Promise<void> => {
  if (job.environment !== 'sandbox') return;
  if (job.simulate === 'failure') {
    throw new AnalysisFailure('SIMULATED_FAILURE', 'The job failed because metadata.simulate asked for it');
  }
  if (job.simulate === 'empty') {
    throw new AnalysisFailure(
      'EMPTY_AUDIO',
      'The job ended as an empty recording because metadata.simulate asked for it',
    );
  }
  if (job.simulate === 'slow') await pause(settings.simulatedSlowSeconds * 1000, undefined, { signal });
};

const hear = async (
  engine: TranscriptionEngine,
  audio: Pick<DecodedAudio, 'channels' | 'sampleRate'>,
  signal: AbortSignal,
) => {
  const { channels, sampleRate } = audio;
  const heard = await engine.transcribe({ channels, sampleRate, signal, onProgress: () => {} });
  return {
    ...heard,
    transcript: storable(heard.transcript),
    segments: heard.segments.map(({ start_s, end_s, speaker, text }) => ({
      start_s,
      end_s,
      speaker,
      text: storable(text),
    })),
  };
};

const inOurWords = (error: unknown): unknown =>
  error instanceof LanguageUnsupportedError
    ? new AnalysisFailure('LANGUAGE_UNSUPPORTED', error.message)
    : error;

/**
 * Decodes a recording, transcribes it, and says how it sounded and what was said.
 *
 * @param onProgress is told 30, 60 and 90
 * @throws {AnalysisFailure} when the recording is at fault; whatever an engine throws when that is
 */
export const analyseRecording = async (
  recording: Uint8Array,
  job: Job,
  engines: Engines,
  settings: AnalysisSettings,
  signal: AbortSignal,
  onProgress: (progress: number) => Promise<void>,
): Promise<Analysis> => {
  await simulate(job, settings, signal);
  const audio = await decodeAudio(recording, { ...settings.decode, signal });
  const speakers = speakersOf(audio.channels.length);
  await onProgress(progressAfter.decoded);

  if (job.analysis_type === 'tone_only') {
    const tone = await analyseTone({
      channels: audio.channels,
      sampleRate: audio.sampleRate,
      speakers,
      signal,
    });
    await onProgress(progressAfter.analysed);
    return {
      durationSeconds: audio.durationSeconds,
      results: {
        transcript: null,
        segments: [],
        tone_analysis: tone,
        content_analysis: null,
        ...scoreCall(tone, null),
        engines: { transcription: null, tone: tone.engine, content: null },
      },
    };
  }

  const heard = await hear(engines.transcription, audio, signal);
  await onProgress(progressAfter.transcribed);
  const tone = await analyseTone({
    channels: audio.channels,
    sampleRate: audio.sampleRate,
    speakers,
    segments: heard.segments,
    signal,
  });
  // Masked before the content is analysed, so that no quote of it, nor a model elsewhere, sees what is masked.
  const shown = settings.redactPersonalData ? await redactTranscript({ ...heard, signal }) : heard;
  const content = await engines.content
    .analyse({
      segments: shown.segments,
      language: heard.language,
      callType: job.call_type,
      signal,
      ...('personalData' in shown ? { personalData: shown.personalData } : {}),
    })
    .catch((error: unknown) => {
      throw inOurWords(error);
    });
  await onProgress(progressAfter.analysed);
  const results: AnalysisResults = {
    transcript: shown.transcript,
    segments: [...shown.segments],
    tone_analysis: tone,
    content_analysis: content,
    ...scoreCall(tone, content),
    engines: { transcription: heard.engine, tone: tone.engine, content: content.engines.summary },
  };
  requireSendable(results);
  return { durationSeconds: audio.durationSeconds, results };
};
