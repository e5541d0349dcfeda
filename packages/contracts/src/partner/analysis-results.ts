import { z } from 'zod';

/*
 * What a finished analysis says. Part of the partner contract: it is what `GET /calls/{job_id}` and the callback carry
 * under `results`.
 *
 * TERMINOLOGY
 *   segment   a stretch of the transcript said by one speaker, timed in seconds from the start of the recording
 *   speaker   a label shared by transcript, tone and content; in a stereo recording every channel is one speaker
 *   dBFS      decibels below digital full scale (0 is the loudest a recording can be)
 *   part      one ingredient of a score, with the weight it was given
 */

const seconds = z.number().nonnegative();
const share = z.number().min(0).max(1);
const score10 = z.number().min(0).max(10);

/** Which engine made a part of the result, and how far it can be trusted. Nothing canned is ever labelled `model`. */
export const engineDescriptorSchema = z.object({
  engine: z.string().min(1),
  model: z.string().nullable(),
  version: z.string().nullable(),
  kind: z.enum(['model', 'signal', 'rules', 'extractive', 'procedural']),
  quality: z.enum(['basic', 'good']),
  /** Why this engine answered and not the one configured, when that is so. */
  note: z.string().nullable(),
});
export type EngineDescriptor = z.infer<typeof engineDescriptorSchema>;

export const transcriptSegmentSchema = z.object({
  start_s: seconds,
  end_s: seconds,
  speaker: z.string(),
  text: z.string(),
});
export type TranscriptSegment = z.infer<typeof transcriptSegmentSchema>;

/** An ingredient of a score. Weights of one list add up to 1. */
export const scorePartSchema = z.object({ name: z.string(), score: score10, weight: share });
export type ScorePart = z.infer<typeof scorePartSchema>;

const energySchema = z.object({
  mean_dbfs: z.number().nullable(),
  /** 5th to 95th percentile of the speech frames, dB. */
  range_db: z.number().nonnegative().nullable(),
});

const pitchSchema = z.object({
  median_hz: z.number().positive().nullable(),
  low_hz: z.number().positive().nullable(),
  high_hz: z.number().positive().nullable(),
  range_hz: z.number().nonnegative().nullable(),
  range_semitones: z.number().nonnegative().nullable(),
});

const speechRateSchema = z.object({
  /** Syllable nuclei per second of speech, from the energy envelope. */
  syllables_per_s: z.number().nonnegative().nullable(),
  /** Words per minute of speech; null without a transcript. */
  words_per_min: z.number().nonnegative().nullable(),
});

const pausesSchema = z.object({ count: z.int().nonnegative(), longest_s: seconds, total_s: seconds });

const latencySchema = z.object({
  count: z.int().nonnegative(),
  median_s: seconds.nullable(),
  longest_s: seconds.nullable(),
});

export const toneSpeakerSchema = z.object({
  speaker: z.string(),
  talk_s: seconds,
  /** Share of all talking; null when the recording has one channel. */
  talk_share: share.nullable(),
  energy: energySchema,
  pitch: pitchSchema,
  speech_rate: speechRateSchema,
  /** Silences of the speaker inside the speaker's own turns. */
  pauses: pausesSchema,
  /** How often this speaker interrupted the other; null when the recording has one channel. */
  interruptions: z.int().nonnegative().nullable(),
  /** How long this speaker took to answer the other; null when the recording has one channel. */
  response_latency: latencySchema.nullable(),
});

export const interruptionSchema = z.object({
  at_s: seconds,
  by: z.string(),
  interrupted: z.string(),
  overlap_s: seconds,
});

export const redFlagSchema = z.object({
  kind: z.enum([
    'raised_voice',
    'long_silence',
    'talk_over',
    'fast_speech',
    'one_sided',
    'slow_response',
    'no_speech',
  ]),
  severity: z.enum(['low', 'medium', 'high']),
  at_s: seconds,
  end_s: seconds,
  speaker: z.string().nullable(),
  description: z.string(),
});

/** How the call sounded, by arithmetic on the samples alone. */
export const toneAnalysisSchema = z.object({
  engine: engineDescriptorSchema,
  duration_s: seconds,
  /** Time in which at least one speaker talks. */
  speech_s: seconds,
  silence_share: share,
  energy: energySchema,
  pitch: pitchSchema,
  speech_rate: speechRateSchema,
  /** Silences of the whole conversation. */
  pauses: pausesSchema,
  /** First speaker's talking time over everybody else's; null with one channel or a silent other side. */
  talk_listen_ratio: z.number().nonnegative().nullable(),
  interruptions: z
    .object({ count: z.int().nonnegative(), overlap_s: seconds, events: z.array(interruptionSchema) })
    .nullable(),
  response_latency: latencySchema.nullable(),
  speakers: z.array(toneSpeakerSchema),
  red_flags: z.array(redFlagSchema),
  /** 0–10, one decimal: the weighted mean of `score_parts`. */
  score: score10,
  score_parts: z.array(scorePartSchema),
});
export type ToneAnalysis = z.infer<typeof toneAnalysisSchema>;

const sentimentLabelSchema = z.enum(['negative', 'neutral', 'positive']);
/** −1 (all negative) … 1 (all positive). */
const polarity = z.number().min(-1).max(1);

const quoteShape = { text: z.string(), speaker: z.string(), at_s: seconds };

export const sentimentSchema = z.object({
  label: sentimentLabelSchema,
  score: polarity,
  /** How the second half of the call differs from the first. */
  trend: z.enum(['improving', 'steady', 'worsening']),
  trend_change: z.number().min(-2).max(2),
  /** One entry for each segment of the transcript, in order. */
  segments: z.array(
    z.object({
      start_s: seconds,
      end_s: seconds,
      speaker: z.string(),
      label: sentimentLabelSchema,
      score: polarity,
      confidence: share,
    }),
  ),
  speakers: z.array(
    z.object({
      speaker: z.string(),
      label: sentimentLabelSchema,
      score: polarity,
      trend: z.enum(['improving', 'steady', 'worsening']),
    }),
  ),
});

export const personalDataKindSchema = z.enum([
  'email',
  'phone',
  'card',
  'iban',
  'ssn',
  'ip',
  'date',
  'url',
  'name',
  'number',
]);
export type PersonalDataKind = z.infer<typeof personalDataKindSchema>;

export const personalDataFindingSchema = z.object({
  kind: personalDataKindSchema,
  speaker: z.string(),
  at_s: seconds,
  /** Index into `segments`, and the span in that segment's text as the results carry it (UTF-16 offsets). */
  segment: z.int().nonnegative(),
  start: z.int().nonnegative(),
  end: z.int().nonnegative(),
});
export type PersonalDataFinding = z.infer<typeof personalDataFindingSchema>;

export const compliancePhraseSchema = z.object({
  name: z.enum([
    'greeting',
    'identification',
    'recording_notice',
    'consent',
    'verification',
    'offer_of_help',
    'empathy',
    'closing_check',
    'goodbye',
  ]),
  found: z.boolean(),
  /** Whether its absence counts against the score of this call. */
  required: z.boolean(),
  text: z.string().nullable(),
  speaker: z.string().nullable(),
  at_s: seconds.nullable(),
});

/** What was said. Texts are quotes from the transcript unless an engine of kind `model` wrote them. */
export const contentAnalysisSchema = z.object({
  language: z.string(),
  /** The speaker taken to be the agent, told by what was said; null when nothing tells. */
  agent_speaker: z.string().nullable(),
  summary: z.object({ text: z.string(), quotes: z.array(z.object(quoteShape)) }),
  topics: z.array(z.object({ name: z.string(), relevance: share, keywords: z.array(z.string()) })),
  sentiment: sentimentSchema,
  questions: z.array(
    z.object({
      ...quoteShape,
      answered: z.boolean(),
      answer: z.string().nullable(),
      answered_at_s: seconds.nullable(),
    }),
  ),
  objections: z.array(
    z.object({
      ...quoteShape,
      kind: z.enum(['price', 'timing', 'trust', 'competitor', 'need', 'complaint', 'cancellation', 'other']),
      handled: z.boolean(),
    }),
  ),
  next_steps: z.array(z.object({ ...quoteShape, due: z.string().nullable() })),
  compliance: z.object({ score: score10, phrases: z.array(compliancePhraseSchema) }),
  personal_data: z.array(personalDataFindingSchema),
  strengths: z.array(z.string()),
  improvement_points: z.array(z.string()),
  /** Which engine made which part. */
  engines: z.object({
    summary: engineDescriptorSchema,
    topics: engineDescriptorSchema,
    sentiment: engineDescriptorSchema,
    questions: engineDescriptorSchema,
    objections: engineDescriptorSchema,
    next_steps: engineDescriptorSchema,
    compliance: engineDescriptorSchema,
    personal_data: engineDescriptorSchema,
    coaching: engineDescriptorSchema,
    language: engineDescriptorSchema,
  }),
});
export type ContentAnalysis = z.infer<typeof contentAnalysisSchema>;

/** `results` of a completed job. A `tone_only` job has no transcript, no segments and no content analysis. */
export const analysisResultsSchema = z.object({
  transcript: z.string().nullable(),
  segments: z.array(transcriptSegmentSchema),
  tone_analysis: toneAnalysisSchema,
  content_analysis: contentAnalysisSchema.nullable(),
  /** 0–10, one decimal: the weighted mean of `score_parts`. */
  overall_score: score10,
  score_parts: z.array(scorePartSchema),
  engines: z.object({
    transcription: engineDescriptorSchema.nullable(),
    tone: engineDescriptorSchema,
    /** The engine of the summary; `content_analysis.engines` names each part's. */
    content: engineDescriptorSchema.nullable(),
  }),
});
export type AnalysisResults = z.infer<typeof analysisResultsSchema>;
