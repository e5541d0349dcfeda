import { z } from 'zod';
import { environmentSchema } from '../credentials/principal.ts';
import {
  cursorSchema,
  freeObject,
  isStorable,
  limitSchema,
  nextCursorSchema,
  offsetSchema,
  text,
  timestampSchema,
} from '../fields.ts';
import { analysisResultsSchema } from './analysis-results.ts';

/**
 * TERMINOLOGY — *partner*: a business that calls us with partner keys. *Company*: a customer of ours whose calls are
 * analysed. *Agent*: a person of that company who takes calls. *Job*: one request for work, followed by polling.
 * *Call*: an analysed recording. Field names and shapes are those of the partner guide.
 */
/** An optional field: null, which many clients send for what they leave out, is as good as nothing. */
const orDefault = <Value extends string>(schema: z.ZodType<Value>, fallback: Value) =>
  schema
    .nullish()
    .transform((value) => value ?? fallback)
    .meta({ default: fallback });

export const companyIdParams = z.object({ company_id: z.uuid('must be a UUID') });
/** Any text: an id that cannot be one is simply not found (guide: 404 JOB_NOT_FOUND). */
export const jobIdParams = z.object({ job_id: z.string() });
export const callIdParams = z.object({ call_id: z.string() });

const emailSchema = z.email('must be an e-mail address').max(320, 'must have at most 320 characters');

export const createCompanyBody = z.object({
  name: text(200).meta({ example: 'Test Company' }),
  contact_email: emailSchema.meta({ example: 'admin@testcompany.com' }),
  industry: text(100).nullish().meta({ example: 'retail' }),
  questionnaire_data: freeObject(64 * 1024).nullish(),
});

export const createCompanyAnswer = z.object({
  company_id: z.uuid(),
  status: z.literal('created'),
  message: z.string(),
});

export const listCompaniesQuery = z.object({
  limit: limitSchema,
  offset: offsetSchema,
  cursor: cursorSchema,
  search: z
    .string()
    .max(200, 'must have at most 200 characters')
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .optional(),
});

export const listCompaniesAnswer = z.object({
  companies: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      industry: z.string().nullable(),
      created_at: timestampSchema,
    }),
  ),
  total: z.number().int(),
  limit: z.number().int(),
  offset: z.number().int(),
  next_cursor: nextCursorSchema,
  partner_access: z.enum(['all_companies', 'single_company']),
  message: z.string(),
});

export const companyAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  industry: z.string().nullable(),
  contact_email: z.string(),
  created_at: timestampSchema,
  questionnaire_data: z.record(z.string(), z.unknown()).nullable(),
  total_agents: z.number().int(),
  total_calls: z.number().int(),
});

export const putQuestionnaireBody = z.object({ questionnaire_data: freeObject(64 * 1024) });
export const putQuestionnaireAnswer = z.object({ success: z.literal(true), message: z.string() });

export const agentRoleSchema = z.enum(['agent', 'manager']);

export const createAgentBody = z.object({
  email: emailSchema.meta({ example: 'agent@testcompany.com' }),
  name: text(200).meta({ example: 'John Doe' }),
  role: orDefault(agentRoleSchema, 'agent'),
  phone: text(50).nullish(),
});

export const createAgentAnswer = z.object({
  agent_id: z.uuid(),
  temporary_password: z.string(),
  status: z.literal('created'),
  message: z.string(),
});

export const listAgentsQuery = z.object({ limit: limitSchema, offset: offsetSchema, cursor: cursorSchema });

export const listAgentsAnswer = z.object({
  agents: z.array(
    z.object({
      id: z.uuid(),
      email: z.string(),
      name: z.string(),
      role: agentRoleSchema,
      created_at: timestampSchema,
      total_calls: z.number().int(),
      average_score: z.number().nullable(),
    }),
  ),
  total: z.number().int(),
  next_cursor: nextCursorSchema,
});

/** 25 MB decoded (spec); in base64 with the JSON around it that is at most this much on the wire. */
export const AUDIO_BYTES_MAX = 25 * 1024 * 1024;
export const AUDIO_SECONDS_MAX = 1400;
export const ANALYZE_BODY_BYTES_MAX = Math.ceil((AUDIO_BYTES_MAX * 4) / 3) + 512 * 1024;

export const analysisTypeSchema = z.enum(['full', 'tone_only']);
export const jobTypeSchema = z.enum(['call_analysis', 'simulation', 'batch_analysis', 'data_export']);
export const jobStatusSchema = z.enum(['queued', 'processing', 'completed', 'failed', 'cancelled']);
export type JobStatus = z.infer<typeof jobStatusSchema>;

const isHttpUrl = (text: string): boolean => {
  const url = URL.parse(text);
  return url?.protocol === 'http:' || url?.protocol === 'https:';
};

export const simulateSchema = z.enum(['failure', 'slow', 'empty']);

export const analyzeCallBody = z.object({
  /** base64, a `data:` URL or an http(s) URL; in multipart, the file itself. */
  audio_file: z
    .union(
      [z.string().min(1, 'must not be empty'), z.instanceof(Uint8Array)],
      'must be base64, a data: URL or an http(s) URL, and not empty',
    )
    .meta({ example: 'https://recordings.example.com/call.wav' }),
  company_id: z.uuid('must be a UUID'),
  agent_id: z.uuid('must be a UUID'),
  call_type: text(100).meta({ example: 'sales_call' }),
  /** Which addresses a key may name depends on its environment and is checked later; an empty one is none. */
  webhook_url: z
    .string()
    .max(2048, 'must have at most 2048 characters')
    .refine((url) => url === '' || isHttpUrl(url), 'must be an absolute http or https URL')
    .nullish()
    .meta({ example: 'https://partner.com/webhook/callback' }),
  analysis_type: orDefault(analysisTypeSchema, 'full'),
  metadata: freeObject(16 * 1024).nullish(),
});

export const analyzeCallAnswer = z.object({
  job_id: z.uuid(),
  status: z.literal('queued'),
  estimated_time: z.string(),
  message: z.string(),
});

export const errorDetailsSchema = z.object({ code: z.string() }).catchall(z.json());

const jobFields = {
  job_id: z.uuid(),
  job_type: jobTypeSchema,
  status: jobStatusSchema,
  progress: z.number().int().min(0).max(100),
  created_at: timestampSchema,
  updated_at: timestampSchema,
  completed_at: timestampSchema.nullable(),
};

export const jobAnswer = z.object({
  ...jobFields,
  call_id: z.uuid().optional(),
  results: analysisResultsSchema.optional(),
  error_message: z.string().optional(),
  error_details: errorDetailsSchema.optional(),
});

export const listJobsQuery = z.object({
  status: jobStatusSchema.optional(),
  limit: limitSchema,
  cursor: cursorSchema,
});
export const listJobsAnswer = z.object({
  jobs: z.array(jobAnswer.omit({ results: true })),
  next_cursor: nextCursorSchema,
});

/** A day (UTC) or a full ISO time. */
export const instantSchema = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'must be an ISO 8601 date, or a time with its zone (Z or +02:00, in an address %2B02:00)',
  )
  .optional();

export const listCallsQuery = z.object({
  company_id: z.uuid('must be a UUID').optional(),
  agent_id: z.uuid('must be a UUID').optional(),
  from: instantSchema,
  to: instantSchema,
  limit: limitSchema,
  cursor: cursorSchema,
});

export const callAnswer = z.object({
  id: z.uuid(),
  job_id: z.uuid(),
  company_id: z.uuid(),
  agent_id: z.uuid(),
  call_type: z.string(),
  analysis_type: analysisTypeSchema,
  duration_seconds: z.number(),
  overall_score: z.number(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  created_at: timestampSchema,
  results: analysisResultsSchema,
});
export const listCallsAnswer = z.object({ calls: z.array(callAnswer), next_cursor: nextCursorSchema });

export const statisticsQuery = z.object({
  company_id: z.uuid('must be a UUID').optional(),
  from: instantSchema,
  to: instantSchema,
  group_by: z.enum(['day', 'week', 'month']).optional(),
});
const statisticsFigures = {
  total_calls: z.number().int(),
  average_score: z.number().nullable(),
  minutes_analyzed: z.number(),
};
export const statisticsAnswer = z.object({
  from: timestampSchema,
  to: timestampSchema,
  ...statisticsFigures,
  jobs: z.object({
    total: z.number().int(),
    queued: z.number().int(),
    processing: z.number().int(),
    completed: z.number().int(),
    failed: z.number().int(),
    cancelled: z.number().int(),
  }),
  periods: z.array(z.object({ period: z.string(), ...statisticsFigures })).optional(),
});

export const partnerHealthAnswer = z.object({
  status: z.enum(['ok', 'degraded']),
  environment: environmentSchema,
  partner_name: z.string(),
  timestamp: timestampSchema,
  version: z.literal('v1'),
});

/** The body of the callback (guide: "Webhook Callback"), in the order in which it is written. */
export const callbackSchema = z.object({
  job_id: z.uuid(),
  job_type: jobTypeSchema,
  status: z.enum(['completed', 'failed']),
  timestamp: timestampSchema,
  call_id: z.uuid().optional(),
  results: analysisResultsSchema.optional(),
  error_message: z.string().optional(),
  error_details: errorDetailsSchema.optional(),
});
export type Callback = z.infer<typeof callbackSchema>;
