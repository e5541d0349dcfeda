import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { analysisResultsSchema } from '../partner/analysis-results.ts';
import { analysisResultsExample } from '../partner/examples.ts';
import { errorDetailsSchema } from '../partner/schemas.ts';

const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

export const aiEvents = {
  analysisStarted: defineEvent({
    name: 'ai.analysis.started',
    version: 1,
    producer: 'ai-service',
    summary: 'A worker took a job. `attempt` counts workers: 2 means that the first one died.',
    data: z.object({ job_id: z.uuid(), attempt: z.number().int().min(1) }),
    example: { job_id: JOB, attempt: 1 },
  }),
  analysisProgressed: defineEvent({
    name: 'ai.analysis.progressed',
    version: 1,
    producer: 'ai-service',
    summary: 'How far a job is, 0 to 100. May come late or twice: only a larger figure counts.',
    data: z.object({ job_id: z.uuid(), progress: z.number().int().min(0).max(100) }),
    example: { job_id: JOB, progress: 60 },
  }),
  analysisCompleted: defineEvent({
    name: 'ai.analysis.completed',
    version: 1,
    producer: 'ai-service',
    summary: 'A recording was analysed.',
    data: z.object({ job_id: z.uuid(), duration_seconds: z.number().min(0), results: analysisResultsSchema }),
    example: {
      job_id: JOB,
      duration_seconds: 5.6,
      results: analysisResultsExample,
    },
  }),
  analysisFailed: defineEvent({
    name: 'ai.analysis.failed',
    version: 1,
    producer: 'ai-service',
    summary: 'A recording cannot be analysed, and trying again would not help.',
    data: z.object({ job_id: z.uuid(), error_message: z.string(), error_details: errorDetailsSchema }),
    example: {
      job_id: JOB,
      error_message: 'The recording has no sound in it',
      error_details: { code: 'EMPTY_AUDIO' },
    },
  }),
};
