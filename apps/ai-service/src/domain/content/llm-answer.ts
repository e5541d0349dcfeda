import { z } from 'zod';

/*
 * What a language model is asked for. It names segments by number; times, speakers and quotes are looked up in the
 * transcript, so a model (or a caller who talks to it) cannot invent them.
 */

const sentimentLabel = z.enum(['negative', 'neutral', 'positive']);
const objectionKind = z.enum([
  'price',
  'timing',
  'trust',
  'competitor',
  'need',
  'complaint',
  'cancellation',
  'other',
]);

/** Sent as the JSON schema of the answer: no bounds in it, for not every server understands them. */
export const llmWireSchema = z.strictObject({
  language: z.string().describe('ISO 639-1 code of the language spoken'),
  agent_speaker: z.string().nullable().describe('the speaker who speaks for the company, or null'),
  summary: z
    .string()
    .describe('three to six sentences for a supervisor: reason of the call, course, outcome'),
  topics: z.array(z.strictObject({ name: z.string(), relevance: z.number(), keywords: z.array(z.string()) })),
  sentiment: z
    .array(z.strictObject({ segment: z.int(), label: sentimentLabel, score: z.number().describe('-1 to 1') }))
    .describe('segments that are not neutral'),
  questions: z.array(
    z.strictObject({ segment: z.int(), text: z.string(), answer_segment: z.int().nullable() }),
  ),
  objections: z.array(z.strictObject({ segment: z.int(), kind: objectionKind, handled: z.boolean() })),
  next_steps: z.array(z.strictObject({ segment: z.int(), text: z.string(), due: z.string().nullable() })),
  strengths: z.array(z.string()),
  improvement_points: z.array(z.string()),
});

const line = (charsMax: number) => z.string().trim().min(1).max(charsMax);

/** What is believed of an answer for a transcript of so many segments by these speakers. */
export function boundedAnswerSchema(segmentCount: number, speakers: readonly string[]) {
  const segment = z
    .int()
    .min(0)
    .max(Math.max(0, segmentCount - 1));
  return z.strictObject({
    language: z.string().regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]+)?$/),
    agent_speaker: z
      .string()
      .nullable()
      .refine((speaker) => speaker === null || speakers.includes(speaker), 'names nobody who speaks'),
    summary: line(3_000),
    topics: z
      .array(
        z.strictObject({
          name: line(80),
          relevance: z.number().min(0).max(1),
          keywords: z.array(line(60)).max(20),
        }),
      )
      .max(20),
    sentiment: z
      .array(z.strictObject({ segment, label: sentimentLabel, score: z.number().min(-1).max(1) }))
      .max(segmentCount),
    questions: z
      .array(z.strictObject({ segment, text: line(1_000), answer_segment: segment.nullable() }))
      .max(200),
    objections: z.array(z.strictObject({ segment, kind: objectionKind, handled: z.boolean() })).max(100),
    next_steps: z.array(z.strictObject({ segment, text: line(1_000), due: line(100).nullable() })).max(100),
    strengths: z.array(line(500)).max(20),
    improvement_points: z.array(line(500)).max(20),
  });
}

export type LlmAnswer = z.infer<ReturnType<typeof boundedAnswerSchema>>;
