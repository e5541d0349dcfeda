import { z } from 'zod';
import {
  adminActExample,
  adminActSchema,
  expiringExample,
  expiringSchema,
  leakedExample,
  leakedSchema,
} from '../audit.ts';
import { environmentSchema } from '../credentials/principal.ts';
import { defineEvent } from '../event.ts';
import { analysisTypeSchema, jobTypeSchema, simulateSchema } from './schemas.ts';

const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const KEY = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';

export const partnerEvents = {
  jobQueued: defineEvent({
    name: 'partner.job.queued',
    version: 1,
    producer: 'partner-service',
    summary:
      'A job was accepted and waits for a worker. Its recording is asked for over rpc.partner.analysis_input.',
    data: z.object({
      job_id: z.uuid(),
      job_type: jobTypeSchema,
      environment: environmentSchema,
      analysis_type: analysisTypeSchema,
      call_type: z.string(),
      simulate: simulateSchema.nullable(),
    }),
    example: {
      job_id: JOB,
      job_type: 'call_analysis',
      environment: 'sandbox',
      analysis_type: 'full',
      call_type: 'sales_call',
      simulate: null,
    },
  }),
  jobCancelled: defineEvent({
    name: 'partner.job.cancelled',
    version: 1,
    producer: 'partner-service',
    summary: 'A job was cancelled by its partner: whoever works on it stops.',
    data: z.object({ job_id: z.uuid() }),
    example: { job_id: JOB },
  }),
  jobFinished: defineEvent({
    name: 'partner.job.finished',
    version: 1,
    producer: 'partner-service',
    summary: 'A job is over: completed, failed or cancelled.',
    data: z.object({
      job_id: z.uuid(),
      job_type: jobTypeSchema,
      environment: environmentSchema,
      company_id: z.uuid(),
      agent_id: z.uuid(),
      call_id: z.uuid().nullable(),
      status: z.enum(['completed', 'failed', 'cancelled']),
    }),
    example: {
      job_id: JOB,
      job_type: 'call_analysis',
      environment: 'sandbox',
      company_id: JOB,
      agent_id: JOB,
      call_id: JOB,
      status: 'completed',
    },
  }),
  keyChanged: defineEvent({
    name: 'partner.key.changed',
    version: 1,
    producer: 'partner-service',
    summary: 'A partner key was changed, rotated or revoked: whatever is cached about it is void.',
    data: z.object({ key_id: z.uuid(), change: z.enum(['created', 'updated', 'revoked']) }),
    example: { key_id: KEY, change: 'revoked' },
  }),
  keyExpiring: defineEvent({
    name: 'partner.key.expiring',
    version: 1,
    producer: 'partner-service',
    summary: 'A partner key ends by itself in 30, 7 or 1 days.',
    data: expiringSchema,
    example: expiringExample,
  }),
  keyLeaked: defineEvent({
    name: 'partner.key.leaked',
    version: 1,
    producer: 'partner-service',
    summary: 'A partner key or its secret was found in public and revoked.',
    data: leakedSchema,
    example: leakedExample,
  }),
  adminActed: defineEvent({
    name: 'partner.admin.acted',
    version: 1,
    producer: 'partner-service',
    summary: 'An administrator did something to partner keys or callbacks.',
    data: adminActSchema,
    example: adminActExample,
  }),
};
