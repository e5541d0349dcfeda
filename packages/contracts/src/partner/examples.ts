import type { z } from 'zod';
import type { analysisResultsSchema } from './analysis-results.ts';

/** A finished analysis as the documents and event examples show it: short, and true to the schema. */

const rules = (engine: string, kind: 'rules' | 'extractive' | 'signal') => ({
  engine,
  model: null,
  version: '1',
  kind,
  quality: 'basic' as const,
  note: null,
});

const latency = { count: 1, median_s: 0.6, longest_s: 0.6 };
const pitch = { median_hz: 182, low_hz: 140, high_hz: 240, range_hz: 100, range_semitones: 9.3 };
const energy = { mean_dbfs: -21.4, range_db: 18.2 };
const speechRate = { syllables_per_s: 4.1, words_per_min: 148 };
const pauses = { count: 1, longest_s: 0.7, total_s: 0.7 };

const greeting = 'Good morning, this is Dana, how can I help you?';
const question = 'When will my order arrive?';

export const analysisResultsExample: z.input<typeof analysisResultsSchema> = {
  transcript: `${greeting} ${question}`,
  segments: [
    { start_s: 0.2, end_s: 3.1, speaker: 'A', text: greeting },
    { start_s: 3.7, end_s: 5.2, speaker: 'B', text: question },
  ],
  tone_analysis: {
    engine: rules('tone-signal', 'signal'),
    duration_s: 5.6,
    speech_s: 4.4,
    silence_share: 0.21,
    energy,
    pitch,
    speech_rate: speechRate,
    pauses,
    talk_listen_ratio: 1.93,
    interruptions: { count: 0, overlap_s: 0, events: [] },
    response_latency: latency,
    speakers: [
      {
        speaker: 'A',
        talk_s: 2.9,
        talk_share: 0.66,
        energy,
        pitch,
        speech_rate: speechRate,
        pauses,
        interruptions: 0,
        response_latency: null,
      },
    ],
    red_flags: [],
    score: 8.4,
    score_parts: [{ name: 'calm voice', score: 8.4, weight: 1 }],
  },
  content_analysis: {
    language: 'en',
    agent_speaker: 'A',
    summary: { text: question, quotes: [{ text: question, speaker: 'B', at_s: 3.7 }] },
    topics: [{ name: 'order', relevance: 1, keywords: ['order', 'arrive'] }],
    sentiment: {
      label: 'neutral',
      score: 0.1,
      trend: 'steady',
      trend_change: 0,
      segments: [
        { start_s: 0.2, end_s: 3.1, speaker: 'A', label: 'positive', score: 0.3, confidence: 0.7 },
        { start_s: 3.7, end_s: 5.2, speaker: 'B', label: 'neutral', score: -0.1, confidence: 0.8 },
      ],
      speakers: [{ speaker: 'A', label: 'positive', score: 0.3, trend: 'steady' }],
    },
    questions: [
      { text: question, speaker: 'B', at_s: 3.7, answered: false, answer: null, answered_at_s: null },
    ],
    objections: [],
    next_steps: [],
    compliance: {
      score: 10,
      phrases: [
        { name: 'greeting', found: true, required: true, text: 'Good morning', speaker: 'A', at_s: 0.2 },
      ],
    },
    personal_data: [{ kind: 'name', speaker: 'A', at_s: 0.2, segment: 0, start: 22, end: 26 }],
    strengths: ['Opens with a greeting and offers help'],
    improvement_points: ['Answer the question before the call ends'],
    engines: {
      summary: rules('content-extractive', 'extractive'),
      topics: rules('content-extractive', 'extractive'),
      sentiment: rules('content-rules', 'rules'),
      questions: rules('content-rules', 'rules'),
      objections: rules('content-rules', 'rules'),
      next_steps: rules('content-rules', 'rules'),
      compliance: rules('content-rules', 'rules'),
      personal_data: rules('content-rules', 'rules'),
      coaching: rules('content-rules', 'rules'),
      language: rules('content-rules', 'rules'),
    },
  },
  overall_score: 8.5,
  score_parts: [
    { name: 'tone', score: 8.4, weight: 0.5 },
    { name: 'content', score: 8.6, weight: 0.5 },
  ],
  engines: {
    transcription: {
      engine: 'sherpa-onnx',
      model: 'zipformer-en',
      version: '1',
      kind: 'model',
      quality: 'good',
      note: null,
    },
    tone: rules('tone-signal', 'signal'),
    content: rules('content-extractive', 'extractive'),
  },
};
