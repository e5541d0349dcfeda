import {
  AppError,
  type analyzeCallBody,
  type PartnerPrincipal,
  partnerEvents,
  partnerRoutes,
} from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { hashRequest } from '@switchboard/service-kit';
import { z } from 'zod';
import { requireCompanyAccess } from '../access/company-access.ts';
import { runOnce } from '../access/idempotency.ts';
import { findCompanyAndAgent } from '../agents/agent-repository.ts';
import type { Recording } from '../audio/read-audio.ts';
import type { Data } from '../database.ts';
import { insertJob, type JobInput } from './job-repository.ts';

const storedSchema = z.object({ job_id: z.uuid() });

export interface AnalysisRequest extends Omit<z.output<typeof analyzeCallBody>, 'audio_file'> {
  readonly recording: Recording;
  readonly simulate: JobInput['simulate'];
}

/** What makes two requests the same: of a stored recording its hash, not its 25 MB. */
const requestHashOf = (request: AnalysisRequest): string => {
  const { recording, ...fields } = request;
  const audio =
    recording.source === 'url' ? { url: recording.url } : { sha256: recording.sha256, kind: recording.kind };
  return hashRequest({ ...fields, audio });
};

/**
 * Accepts a recording for analysis: the job, its recording and the event that starts the work are one transaction. The
 * same idempotency key with the same request gives the first job, however many come at once.
 *
 * @throws COMPANY_ACCESS_DENIED, DUPLICATE_REQUEST, COMPANY_NOT_FOUND, AGENT_NOT_FOUND, in this order
 */
export const acceptJob = async (
  data: Data,
  principal: PartnerPrincipal,
  request: AnalysisRequest,
  options: { readonly idempotencyKey: string | undefined; readonly traceparent: string },
): Promise<{ jobId: string; replayed: boolean }> => {
  const { company_id: companyId, agent_id: agentId, recording } = request;
  const { environment } = principal;
  requireCompanyAccess(principal, companyId);
  const requestHash = requestHashOf(request);
  const answer = await transact(data, ({ trx, emit }) =>
    runOnce(
      {
        trx,
        data,
        principal,
        routeId: partnerRoutes.analyzeCall.id,
        key: options.idempotencyKey,
        requestHash,
      },
      202,
      async () => {
        const found = await findCompanyAndAgent(trx, { companyId, agentId, environment });
        if (!found.company) throw new AppError('COMPANY_NOT_FOUND');
        if (!found.agent) throw new AppError('AGENT_NOT_FOUND');
        const id = data.ids.next();
        const at = data.clock.now();
        const { call_type, analysis_type, simulate } = request;
        const job = {
          id,
          partnerId: principal.partner_id,
          keyId: principal.key_id,
          environment,
          companyId,
          agentId,
          input: { call_type, analysis_type, metadata: request.metadata ?? null, simulate },
          webhookUrl: request.webhook_url ?? null,
          idempotencyKey: options.idempotencyKey ?? null,
          traceparent: options.traceparent,
          at,
        };
        await insertJob(trx, job, recording);
        emit(partnerEvents.jobQueued, {
          job_id: id,
          job_type: 'call_analysis',
          environment,
          analysis_type,
          call_type,
          simulate,
        });
        return { job_id: id };
      },
      (stored) => storedSchema.parse(stored),
    ),
  );
  return { jobId: answer.body.job_id, replayed: answer.replayed };
};
