import { readFile } from 'node:fs/promises';
import { analyseRecording } from '../apps/ai-service/src/domain/analysis/analyse-recording.ts';
import { createLocalContentEngine } from '../apps/ai-service/src/domain/content/local-engine.ts';
import { createTranscriptionEngine } from '../apps/ai-service/src/domain/transcription/index.ts';
import { recordingPath } from '../tests/support/platform.ts';
import { type BenchPart, renderTable, round } from './support/figures.ts';

const RECORDINGS = ['support-call', 'librivox-sense-and-sensibility'] as const;

/** How long an analysis takes for each second of a recording, with the engines that every machine has. */
export const benchAnalysis = async (): Promise<BenchPart> => {
  const transcription = await createTranscriptionEngine({ engine: 'soundswallower' });
  const engines = { transcription, content: createLocalContentEngine() };
  const settings = { decode: {}, redactPersonalData: false, simulatedSlowSeconds: 0 };
  const measure = async (name: string, analysis_type: 'full' | 'tone_only') => {
    const bytes = await readFile(recordingPath(`${name}.wav`));
    const job = {
      job_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
      job_type: 'call_analysis',
      environment: 'sandbox',
      analysis_type,
      call_type: 'support',
      simulate: null,
    } as const;
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    const { durationSeconds } = await analyseRecording(
      bytes,
      job,
      engines,
      settings,
      new AbortController().signal,
      async () => {},
    );
    const seconds = (performance.now() - startedMs) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return [
      `${name}, ${analysis_type}`,
      `${round(durationSeconds, 1)} s`,
      round(seconds / durationSeconds, 3),
      round((user + system) / 1e6 / durationSeconds, 3),
    ];
  };
  try {
    // Models are loaded by the first recording and kept.
    await measure('support-call', 'full');
    const rows: string[][] = [];
    for (const name of RECORDINGS) {
      for (const kind of ['full', 'tone_only'] as const) rows.push(await measure(name, kind));
    }
    return {
      title: 'Analysis: real-time factor',
      text: `Engines: \`${transcription.name}\`, signal processing, local content engine; models loaded. Below 1 is faster than the call itself took.

${renderTable(['recording', 'length', 'real-time factor', 'CPU-seconds per second of recording'], rows)}`,
    };
  } finally {
    await transcription.close();
  }
};
