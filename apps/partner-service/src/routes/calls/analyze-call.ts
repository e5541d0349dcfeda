import {
  errors,
  type FieldFault,
  formatTraceparent,
  type PartnerPrincipal,
  partnerRoutes,
  simulateSchema,
} from '@switchboard/contracts';
import { implement, replayHeaders, targetPolicyFor, waitForBudget } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { checkAudioUrl, checkWebhookUrl } from '../../domain/access/targets.ts';
import { readAudio } from '../../domain/audio/read-audio.ts';
import { acceptJob } from '../../domain/jobs/accept-job.ts';
import type { JobInput } from '../../domain/jobs/job-repository.ts';

const ESTIMATED_TIME = '2-3 minutes';

const statusPathOf = (jobId: string): string => partnerRoutes.getJobStatus.path.replace(':job_id', jobId);

/** What a sandbox key wants to rehearse. In production the word means nothing and stays metadata. */
const readSimulate = (
  principal: PartnerPrincipal,
  metadata: Record<string, unknown> | null | undefined,
  faults: FieldFault[],
): JobInput['simulate'] => {
  const wish = metadata?.simulate;
  if (principal.environment !== 'sandbox' || wish === undefined || wish === null) return null;
  const parsed = simulateSchema.safeParse(wish);
  if (parsed.success) return parsed.data;
  const words = simulateSchema.options.join(', ');
  faults.push({ field: 'metadata.simulate', message: `must be one of ${words}` });
  return null;
};

export const postAnalyze = (app: FastifyInstance, { data, config, uploads }: Deps): void => {
  waitForBudget(app, partnerRoutes.analyzeCall, uploads, (principal) =>
    principal.kind === 'partner_key' ? principal.partner_id : '',
  );

  implement(app, partnerRoutes.analyzeCall, async ({ principal, body, idempotencyKey, trace }) => {
    const policy = targetPolicyFor(principal.environment, {
      allowPrivate: config.partner.allowPrivateTargets,
    });
    const { audio_file, ...fields } = body;
    const faults: FieldFault[] = [];
    const simulate = readSimulate(principal, fields.metadata, faults);
    const webhookUrl = fields.webhook_url ? checkWebhookUrl(fields.webhook_url, policy, faults) : null;
    if (faults.length > 0) throw errors.invalidInput(faults);
    const recording = readAudio(audio_file, (url) => checkAudioUrl(url, policy));
    const { jobId, replayed } = await acceptJob(
      data,
      principal,
      {
        ...fields,
        company_id: fields.company_id.toLowerCase(),
        agent_id: fields.agent_id.toLowerCase(),
        webhook_url: webhookUrl,
        recording,
        simulate,
      },
      { idempotencyKey, traceparent: formatTraceparent(trace) },
    );
    return {
      status: replayed ? 200 : 202,
      headers: { location: statusPathOf(jobId), ...replayHeaders(replayed) },
      body: {
        job_id: jobId,
        status: 'queued',
        estimated_time: ESTIMATED_TIME,
        message: 'Analysis job created successfully',
      },
    };
  });
};
