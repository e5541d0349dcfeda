import type { callAnswer } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Call } from '../../domain/calls/call-repository.ts';

export const toCallAnswer = (call: Call): z.input<typeof callAnswer> => ({
  id: call.id,
  job_id: call.jobId,
  company_id: call.companyId,
  agent_id: call.agentId,
  call_type: call.callType,
  analysis_type: call.analysisType,
  duration_seconds: call.durationSeconds,
  overall_score: call.overallScore,
  metadata: call.metadata,
  created_at: call.createdAt.toISOString(),
  results: call.results,
});
