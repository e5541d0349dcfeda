import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryDir } from '../paths.ts';
import { waitFor } from '../wait.ts';
import { type ApiClient, textOf } from './api-client.ts';
import type { DemoTenant } from './tenant.ts';
import type { ReceivedCallback, WebhookSink } from './webhook-sink.ts';

export const DEMO_RECORDING = join(repositoryDir, 'examples/recordings/support-call.wav');

export interface DemoJob {
  jobId: string;
  recording: string;
}

export interface DemoOutcome extends DemoJob {
  status: Record<string, unknown>;
  callback: ReceivedCallback;
  seconds: number;
}

/** Posts the bundled recording, as a partner would. */
export async function postDemoJob(
  partner: ApiClient,
  tenant: DemoTenant,
  webhookUrl: string,
): Promise<DemoJob> {
  const audio = await readFile(DEMO_RECORDING);
  const accepted = await partner.post(
    '/calls/analyze',
    {
      audio_file: audio.toString('base64'),
      company_id: tenant.companyId,
      agent_id: tenant.agentId,
      call_type: 'support',
      webhook_url: webhookUrl,
      metadata: { source: 'npm start' },
    },
    { 'x-idempotency-key': `demo-${randomUUID()}` },
  );
  return { jobId: textOf(accepted, 'job_id'), recording: relative(repositoryDir, DEMO_RECORDING) };
}

/** Waits until the job is over and its callback has arrived. */
export async function finishDemoJob(
  partner: ApiClient,
  sink: WebhookSink,
  job: DemoJob,
  options: { timeoutMs: number; signal: AbortSignal; onProgress: (progress: string) => void },
): Promise<DemoOutcome> {
  const startedAt = performance.now();
  let lastProgress = '';
  const isOver = async () => {
    const status = await partner.get(`/jobs/${job.jobId}/status`);
    const progress = `${String(status.status)} ${String(status.progress)} %`;
    if (progress !== lastProgress) options.onProgress(progress);
    lastProgress = progress;
    return ['completed', 'failed', 'cancelled'].includes(String(status.status)) && status;
  };
  const [status, callback] = await Promise.all([
    waitFor(isOver, {
      what: `job ${job.jobId} to finish`,
      timeoutMs: options.timeoutMs,
      intervalMs: 1_000,
      signal: options.signal,
    }),
    sink.waitForJob(job.jobId, options.timeoutMs),
  ]);
  return { ...job, status, callback, seconds: Math.round((performance.now() - startedAt) / 100) / 10 };
}
