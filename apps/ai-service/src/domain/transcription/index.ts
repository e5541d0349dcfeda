import { z } from 'zod';
import { canRun } from '../runtime/find-program.ts';
import { createElevenLabsEngine } from './elevenlabs-engine.ts';
import { createOpenAiEngine } from './openai-engine.ts';
import { createPocketSphinxEngine } from './pocketsphinx.ts';
import { createSherpaEngine } from './sherpa-engine.ts';
import { createSoundSwallowerEngine } from './soundswallower/engine.ts';
import type { TranscriptionEngine } from './types.ts';

export type { TranscribedSegment, Transcription, TranscriptionEngine, TranscriptionInput } from './types.ts';

export const transcriptionEngineNames = [
  'soundswallower',
  'pocketsphinx',
  'openai-compatible',
  'openai',
  'elevenlabs',
  'sherpa-onnx',
] as const;
export type TranscriptionEngineName = (typeof transcriptionEngineNames)[number];

/** What chooses the engine; beside each field the setting it comes from. */
export const transcriptionOptionsSchema = z.object({
  /** STT_ENGINE; `auto` takes the best one that is configured. */
  engine: z.enum(['auto', ...transcriptionEngineNames]).default('auto'),
  /** STT_BASE_URL, with or without `/v1` at its end. */
  baseUrl: z.url().optional(),
  /** STT_API_KEY: for the server at STT_BASE_URL. */
  apiKey: z.string().min(1).optional(),
  /** STT_MODEL: of whichever cloud engine or server is used. */
  model: z.string().min(1).optional(),
  /** STT_MODEL_DIR: for sherpa-onnx. */
  modelDir: z.string().min(1).optional(),
  /** OPENAI_API_KEY */
  openAiApiKey: z.string().min(1).optional(),
  /** ELEVENLABS_API_KEY */
  elevenLabsApiKey: z.string().min(1).optional(),
  /** Where ElevenLabs is reached; other than its public address only for residency regions and tests. */
  elevenLabsBaseUrl: z.url().optional(),
  /** Threads of the embedded engine, about 400 MB each. */
  concurrency: z.int().min(1).max(16).default(1),
  /** Longest wait for one answer of a provider, milliseconds. */
  timeoutMs: z.int().min(1_000).default(300_000),
  /** The program of PocketSphinx: a name on PATH, or a path. */
  pocketSphinxProgram: z.string().min(1).default('pocketsphinx_batch'),
});
export type TranscriptionOptions = z.input<typeof transcriptionOptionsSchema>;

type Resolved = z.output<typeof transcriptionOptionsSchema>;

/**
 * Makes the engine that the configuration chooses. With `auto`, the first of: STT_MODEL_DIR (sherpa-onnx), STT_BASE_URL, OPENAI_API_KEY,
 * ELEVENLABS_API_KEY, PocketSphinx on PATH, the embedded engine. What was set up for speech comes before what was set up for
 * something else as well.
 *
 * Throws in words that name the setting when something chosen cannot work. Loads no model: the first recording does.
 */
export async function createTranscriptionEngine(
  options: TranscriptionOptions = {},
): Promise<TranscriptionEngine> {
  const settings = transcriptionOptionsSchema.parse(options);
  const name = settings.engine === 'auto' ? await chooseEngine(settings) : settings.engine;
  return createEngine(name, settings);
}

async function chooseEngine(settings: Resolved): Promise<TranscriptionEngineName> {
  if (settings.modelDir !== undefined) return 'sherpa-onnx';
  if (settings.baseUrl !== undefined) return 'openai-compatible';
  if (settings.openAiApiKey !== undefined) return 'openai';
  if (settings.elevenLabsApiKey !== undefined) return 'elevenlabs';
  return (await canRun(settings.pocketSphinxProgram, [])) ? 'pocketsphinx' : 'soundswallower';
}

async function createEngine(name: TranscriptionEngineName, settings: Resolved): Promise<TranscriptionEngine> {
  const note = null;
  const { timeoutMs } = settings;
  switch (name) {
    case 'soundswallower':
      return createSoundSwallowerEngine({ concurrency: settings.concurrency, note });
    case 'pocketsphinx': {
      const program = settings.pocketSphinxProgram;
      if (!(await canRun(program, [])))
        throw new Error(
          `STT_ENGINE is pocketsphinx, but ${program} cannot be started: install it (Debian: apt install pocketsphinx) or choose another engine.`,
        );
      return createPocketSphinxEngine({ program, note });
    }
    case 'openai-compatible':
      return createOpenAiEngine({
        name,
        baseUrl: withVersion(need(settings.baseUrl, name, 'STT_BASE_URL')),
        // Servers of one's own often want none, the client insists on one.
        apiKey: settings.apiKey ?? 'none',
        model: settings.model ?? 'whisper-1',
        note,
        timeoutMs,
      });
    case 'openai':
      return createOpenAiEngine({
        name,
        baseUrl: 'https://api.openai.com/v1',
        apiKey: need(settings.openAiApiKey, name, 'OPENAI_API_KEY'),
        model: settings.model ?? 'whisper-1',
        note,
        timeoutMs,
      });
    case 'elevenlabs':
      return createElevenLabsEngine({
        apiKey: need(settings.elevenLabsApiKey, name, 'ELEVENLABS_API_KEY'),
        ...(settings.elevenLabsBaseUrl === undefined ? {} : { baseUrl: settings.elevenLabsBaseUrl }),
        model: settings.model ?? 'scribe_v2',
        note,
        timeoutMs,
      });
    case 'sherpa-onnx':
      return createSherpaEngine({ modelDir: need(settings.modelDir, name, 'STT_MODEL_DIR'), note });
  }
}

function need(value: string | undefined, engine: string, setting: string): string {
  if (value === undefined) throw new Error(`STT_ENGINE is ${engine}, but ${setting} is not set.`);
  return value;
}

function withVersion(baseUrl: string): string {
  const trimmed = baseUrl.replace(/\/+$/, '');
  return /\/v\d+$/.test(trimmed) ? trimmed : `${trimmed}/v1`;
}
