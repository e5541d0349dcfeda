import { createPartnerClient, startPlatform } from '../tests/support/platform.ts';
import { makeToneWav } from '../tests/support/tone-wav.ts';
import { cpuSeconds } from './support/cpu.ts';
import { type BenchPart, percentile, renderTable, round } from './support/figures.ts';

const JOBS = 1500;
const CONCURRENCY = 16;
const WARM_UP = 100;

/** Jobs accepted through gateway and partner-service: job, recording and event committed before the answer. */
export const benchJobs = async (): Promise<BenchPart> => {
  const platform = await startPlatform();
  try {
    const key = await platform.createKey();
    await platform.query('update partner_api_keys set rate_limit_per_minute = 1000000000 where id = $1', [
      key.keyId,
    ]);
    const client = createPartnerClient(platform.gatewayUrl, key);
    const ids = await client.createCompanyWithAgent();
    // What is accepted is measured, not what is analysed meanwhile on the same two cores.
    await platform.services['ai-service'].stop();
    const recording = makeToneWav(10);
    const body = {
      ...ids,
      audio_file: recording.toString('base64'),
      call_type: 'support',
      analysis_type: 'tone_only',
    };
    const latenciesMs: number[] = [];
    const submit = async (count: number) => {
      let left = count;
      const send = async () => {
        while (left > 0) {
          left -= 1;
          const startedMs = performance.now();
          const answer = await client.post('/calls/analyze', body);
          if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${answer.text}`);
          latenciesMs.push(performance.now() - startedMs);
        }
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, send));
    };
    await submit(WARM_UP);
    latenciesMs.length = 0;
    const pids = [platform.services.gateway.pid, platform.services['partner-service'].pid];
    const cpu = () => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
    const before = cpu();
    const startedMs = performance.now();
    await submit(JOBS);
    const seconds = (performance.now() - startedMs) / 1000;
    return {
      title: 'Jobs accepted',
      text: `${JOBS} recordings of ${Math.round(recording.length / 1024)} KiB in base64, ${CONCURRENCY} at a time, Postgres and NATS on the same machine, no analysis beside it.

${renderTable(
  ['jobs a second', 'jobs per CPU-second of gateway and partner-service', 'accept p50', 'accept p99'],
  [
    [
      round(JOBS / seconds),
      round(JOBS / (cpu() - before)),
      `${round(percentile(latenciesMs, 0.5))} ms`,
      `${round(percentile(latenciesMs, 0.99))} ms`,
    ],
  ],
)}`,
    };
  } finally {
    await platform.stop();
  }
};
