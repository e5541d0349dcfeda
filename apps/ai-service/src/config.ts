import {
  booleanField,
  busBlock,
  databaseBlock,
  loadConfig,
  logBlock,
  numberField,
  oneOfField,
  secondsField,
  serverBlock,
  setting,
  telemetryBlock,
  textField,
  urlField,
} from '@switchboard/service-kit';
import { z } from 'zod';
import { transcriptionEngineNames } from './domain/transcription/index.ts';

export const configSchema = z.object({
  server: serverBlock({ port: 3050 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  telemetry: telemetryBlock,
  analysis: z.object({
    concurrency: setting('AI_CONCURRENCY', numberField({ min: 1, max: 64 }).default(2), {
      description: 'Recordings that are analysed at a time; each keeps about one core busy',
    }),
    redactPersonalData: setting('REDACT_PII', booleanField().default(false), {
      description: 'true masks personal data in transcripts before they are analysed, stored and sent',
    }),
    simulatedSlowSeconds: setting('SIMULATE_SLOW_SECONDS', secondsField({ max: 600 }).default(20), {
      description: 'How much longer a sandbox job with metadata.simulate = "slow" takes',
    }),
    allowPrivateTargets: setting('WEBHOOK_ALLOW_PRIVATE_TARGETS', booleanField().default(false), {
      description:
        'true lets callbacks and recordings be on private addresses; for local work and tests only',
    }),
    proxyUrl: setting('WEBHOOK_PROXY_URL', urlField().optional(), {
      description: 'Egress proxy that all callbacks and fetched recordings go through',
      example: 'http://proxy.internal:3128',
    }),
    ffmpegPath: setting('FFMPEG_PATH', textField().optional(), {
      description: 'ffmpeg for recordings that the built-in decoders do not know; the one on PATH when unset',
      example: '/usr/bin/ffmpeg',
    }),
  }),
  transcription: z.object({
    engine: setting('STT_ENGINE', oneOfField(['auto', ...transcriptionEngineNames]).default('auto'), {
      description: `Speech to text: ${transcriptionEngineNames.join(', ')}; auto takes the best that is configured`,
    }),
    baseUrl: setting('STT_BASE_URL', urlField().optional(), {
      description:
        'Server with an OpenAI-compatible /v1/audio/transcriptions (whisper.cpp, speaches, LocalAI)',
      example: 'http://127.0.0.1:8000/v1',
    }),
    apiKey: setting('STT_API_KEY', textField().optional(), {
      description: 'Key for STT_BASE_URL, where it wants one',
      secret: true,
    }),
    model: setting('STT_MODEL', textField().optional(), {
      description: 'Model of the transcription engine, where it has several',
      example: 'whisper-1',
    }),
    modelDir: setting('STT_MODEL_DIR', textField().optional(), {
      description: 'Directory of a sherpa-onnx model',
      example: '/models/sherpa-onnx-whisper-base.en',
    }),
  }),
  providers: z.object({
    openAiApiKey: setting('OPENAI_API_KEY', textField().optional(), {
      description: 'OpenAI, for transcription and content analysis',
      secret: true,
    }),
    elevenLabsApiKey: setting('ELEVENLABS_API_KEY', textField().optional(), {
      description: 'ElevenLabs, for transcription',
      secret: true,
    }),
  }),
  languageModel: z.object({
    baseUrl: setting('LLM_BASE_URL', urlField().optional(), {
      description: 'Server with an OpenAI-compatible /v1/chat/completions, for content analysis',
      example: 'http://127.0.0.1:11434/v1',
    }),
    apiKey: setting('LLM_API_KEY', textField().optional(), {
      description: 'Key for LLM_BASE_URL, where it wants one',
      secret: true,
    }),
    model: setting('LLM_MODEL', textField().optional(), {
      description: 'Language model; the first one the server names when unset',
      example: 'llama3.1:8b',
    }),
    discovery: setting('LLM_DISCOVERY', booleanField().default(true), {
      description:
        'Look for a language model on this machine (Ollama, llama.cpp, vLLM, LM Studio, Jan) at start',
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

/** The service's configuration. Throws ConfigError, which names every fault at once. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
