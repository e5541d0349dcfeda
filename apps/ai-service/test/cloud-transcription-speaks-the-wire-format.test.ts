import { afterEach, describe, expect, test } from 'vitest';
import { AnalysisFailure, PassingFailure } from '../src/domain/analysis/types.ts';
import { decodeAudio } from '../src/domain/audio/decode-audio.ts';
import { createTranscriptionEngine, type TranscriptionEngine } from '../src/domain/transcription/index.ts';
import {
  type SpeechAnswer,
  type SpeechProvider,
  type SpeechRequest,
  startSpeechProvider,
} from './helpers/fake-speech-provider.ts';
import { readKnownRecording } from './helpers/recordings.ts';

const call = await decodeAudio(readKnownRecording('support-call').bytes);
const providers: SpeechProvider[] = [];
afterEach(() => Promise.all(providers.splice(0).map((provider) => provider.close())));

async function startProvider(
  answer: (request: SpeechRequest) => SpeechAnswer | 'hang',
): Promise<SpeechProvider> {
  const provider = await startSpeechProvider(answer);
  providers.push(provider);
  return provider;
}

const transcribe = (engine: TranscriptionEngine, more: { language?: string; signal?: AbortSignal } = {}) =>
  engine.transcribe({
    channels: call.channels,
    sampleRate: 16_000,
    signal: more.signal ?? AbortSignal.timeout(60_000),
    onProgress: () => {},
    ...(more.language === undefined ? {} : { language: more.language }),
  });

/** As whisper answers; the second segment is what it makes of silence. */
const verboseAnswer = (text: string) => ({
  task: 'transcribe',
  language: 'english',
  duration: 36,
  text,
  segments: [
    {
      id: 0,
      seek: 0,
      start: 0.2,
      end: 2.5,
      text: ` ${text}`,
      tokens: [1],
      temperature: 0,
      avg_logprob: -0.2,
      compression_ratio: 1,
      no_speech_prob: 0.01,
    },
    {
      id: 1,
      seek: 0,
      start: 3,
      end: 4,
      text: ' Thanks for watching!',
      tokens: [1],
      temperature: 0,
      avg_logprob: -1.4,
      compression_ratio: 1,
      no_speech_prob: 0.9,
    },
  ],
});

describe('an OpenAI-compatible server (STT_BASE_URL)', () => {
  test('gets each channel as a wav and gives timed segments of each speaker', async () => {
    const provider = await startProvider((request) => ({
      body: verboseAnswer(provider.requests.indexOf(request) === 0 ? 'Good morning.' : 'Hello there.'),
    }));
    const engine = await createTranscriptionEngine({
      baseUrl: provider.url,
      apiKey: 'key-1',
      model: 'large-v3',
    });
    const result = await transcribe(engine, { language: 'en-US' });

    expect(engine.name).toBe('openai-compatible');
    expect(provider.requests).toHaveLength(2);
    for (const { path, headers, fields, file } of provider.requests) {
      expect(path).toBe('/v1/audio/transcriptions');
      expect(headers.authorization).toBe('Bearer key-1');
      expect(fields).toMatchObject({ model: 'large-v3', response_format: 'verbose_json', language: 'en' });
      expect(file).toMatchObject({ name: 'call.wav', type: 'audio/wav' });
      expect(file.bytes.subarray(0, 4).toString('latin1')).toBe('RIFF');
      expect(file.bytes.readUInt32LE(24)).toBe(16_000);
      expect(file.bytes.readUInt16LE(22)).toBe(1);
    }
    expect(result.transcript).toBe('agent: Good morning.\ncustomer: Hello there.');
    expect(result.language).toBe('en');
    expect(result.segments[0]).toMatchObject({ speaker: 'agent', confidence: 0.819 });
    // Times are the provider's, moved to where the chunk lies in the recording.
    expect(result.segments[0]?.start_s).toBeCloseTo(0.5, 0);
    expect(result.segments[1]?.start_s).toBeGreaterThan(5);
    expect(result.engine).toMatchObject({
      engine: 'openai-compatible',
      model: 'large-v3',
      kind: 'model',
      quality: 'good',
    });
  });

  test('a model that refuses verbose_json is asked for json, in short pieces that keep their times', async () => {
    const provider = await startProvider(({ fields }) =>
      fields.response_format === 'verbose_json'
        ? {
            status: 400,
            body: {
              error: {
                message: "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'.",
                type: 'invalid_request_error',
                param: 'response_format',
                code: 'unsupported_value',
              },
            },
          }
        : { body: { text: 'Some words.' } },
    );
    const engine = await createTranscriptionEngine({
      baseUrl: `${provider.url}/v1`,
      model: 'gpt-4o-transcribe',
    });
    const result = await transcribe(engine);
    expect(result.segments.length).toBeGreaterThanOrEqual(3);
    for (const { start_s, end_s } of result.segments) expect(end_s - start_s).toBeLessThanOrEqual(25);
    expect(provider.requests.filter(({ fields }) => fields.response_format === 'verbose_json')).toHaveLength(
      1,
    );
    // What was found out is remembered for the next recording.
    await transcribe(engine);
    expect(provider.requests.filter(({ fields }) => fields.response_format === 'verbose_json')).toHaveLength(
      1,
    );
  });

  test('a server that answers json whatever it is asked for is understood too', async () => {
    const provider = await startProvider(() => ({ body: { text: 'Some words.' } }));
    const engine = await createTranscriptionEngine({ baseUrl: provider.url });
    expect((await transcribe(engine)).segments.length).toBeGreaterThanOrEqual(3);
  });

  test('silence is not sent: providers make words up out of it', async () => {
    const provider = await startProvider(() => ({ body: verboseAnswer('Thanks for watching!') }));
    const engine = await createTranscriptionEngine({ baseUrl: provider.url });
    const silence = new Float32Array(16_000 * 5);
    const result = await engine.transcribe({
      channels: [silence],
      sampleRate: 16_000,
      signal: AbortSignal.timeout(60_000),
      onProgress: () => {},
    });
    expect(result.segments).toEqual([]);
    expect(provider.requests).toEqual([]);
  });

  test.each([
    [401, PassingFailure],
    [429, PassingFailure],
    [503, PassingFailure],
    [400, AnalysisFailure],
    [413, AnalysisFailure],
  ])('status %i becomes the right kind of failure', async (status, kind) => {
    const provider = await startProvider(() => ({
      status,
      body: { error: { message: 'no', type: 'x', param: null, code: null } },
    }));
    const engine = await createTranscriptionEngine({ baseUrl: provider.url });
    await expect(transcribe(engine)).rejects.toBeInstanceOf(kind);
  });

  test('a server that is away is a passing failure', async () => {
    // The port of nobody: connections are refused.
    const engine = await createTranscriptionEngine({ baseUrl: 'http://127.0.0.1:1025' });
    await expect(transcribe(engine)).rejects.toBeInstanceOf(PassingFailure);
  });

  test('cancelling ends the request with the reason given', async () => {
    const abort = new AbortController();
    const provider = await startProvider(() => {
      abort.abort(new Error('the partner cancelled'));
      return 'hang';
    });
    const engine = await createTranscriptionEngine({ baseUrl: provider.url });
    await expect(transcribe(engine, { signal: abort.signal })).rejects.toThrow('the partner cancelled');
  });
});

describe('ElevenLabs', () => {
  const word = (text: string, start: number, end: number) => ({
    text,
    start,
    end,
    type: 'word',
    logprob: -0.1,
  });
  const space = { text: ' ', start: 0, end: 0, type: 'spacing', logprob: 0 };
  const answer = {
    language_code: 'eng',
    language_probability: 0.98,
    text: 'Good morning. How are you?',
    words: [
      word('Good', 0.2, 0.5),
      space,
      word('morning.', 0.5, 1),
      space,
      word('How', 2.4, 2.6),
      space,
      word('are', 2.6, 2.8),
      space,
      word('you?', 2.8, 3.1),
    ],
  };

  test('gets each channel and gives segments that end at pauses', async () => {
    const provider = await startProvider(() => ({ body: answer }));
    const engine = await createTranscriptionEngine({
      elevenLabsApiKey: 'xi-1',
      elevenLabsBaseUrl: provider.url,
    });
    const result = await transcribe(engine);
    expect(engine.name).toBe('elevenlabs');
    expect(provider.requests).toHaveLength(2);
    for (const { path, headers, fields, file } of provider.requests) {
      expect(path).toBe('/v1/speech-to-text');
      expect(headers['xi-api-key']).toBe('xi-1');
      expect(fields).toMatchObject({ model_id: 'scribe_v2', timestamps_granularity: 'word' });
      expect(file.bytes.subarray(0, 4).toString('latin1')).toBe('RIFF');
    }
    expect(result.segments.filter(({ speaker }) => speaker === 'agent').map(({ text }) => text)).toEqual([
      'Good morning.',
      'How are you?',
    ]);
    expect(result.segments[0]).toMatchObject({ confidence: 0.905 });
    expect(result.language).toBe('en');
    expect(result.engine).toMatchObject({ engine: 'elevenlabs', model: 'scribe_v2', quality: 'good' });
  });

  test.each([
    [401, PassingFailure],
    [422, AnalysisFailure],
  ])('status %i becomes the right kind of failure', async (status, kind) => {
    const provider = await startProvider(() => ({ status, body: { detail: [] } }));
    const engine = await createTranscriptionEngine({
      elevenLabsApiKey: 'xi-1',
      elevenLabsBaseUrl: provider.url,
    });
    await expect(transcribe(engine)).rejects.toBeInstanceOf(kind);
  });
});

describe('the choice of engine', () => {
  const server = { baseUrl: 'http://127.0.0.1:9' };
  test.each([
    ['embedded when there is nothing else', { pocketSphinxProgram: 'no-such-program' }, 'soundswallower'],
    [
      'a server for speech before a general key',
      { ...server, openAiApiKey: 'sk-1', elevenLabsApiKey: 'xi-1' },
      'openai-compatible',
    ],
    ['OpenAI before ElevenLabs', { openAiApiKey: 'sk-1', elevenLabsApiKey: 'xi-1' }, 'openai'],
    ['ElevenLabs by its key', { elevenLabsApiKey: 'xi-1' }, 'elevenlabs'],
    ['what is named, whatever else is configured', { engine: 'soundswallower', ...server }, 'soundswallower'],
  ] as const)('%s', async (_, options, name) => {
    const engine = await createTranscriptionEngine(options);
    expect(engine.name).toBe(name);
    await engine.close();
  });

  test.each([
    [{ engine: 'openai' }, /OPENAI_API_KEY is not set/],
    [{ engine: 'elevenlabs' }, /ELEVENLABS_API_KEY is not set/],
    [{ engine: 'openai-compatible' }, /STT_BASE_URL is not set/],
    [{ engine: 'pocketsphinx', pocketSphinxProgram: 'no-such-program' }, /no-such-program cannot be started/],
    [{ engine: 'sherpa-onnx' }, /STT_MODEL_DIR is not set/],
    [{ modelDir: '/tmp' }, /npm install sherpa-onnx-node/],
  ] as const)('%o fails at boot with words that name the setting', async (options, message) => {
    await expect(createTranscriptionEngine(options)).rejects.toThrow(message);
  });
});
