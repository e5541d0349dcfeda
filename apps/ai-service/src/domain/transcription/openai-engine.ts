import OpenAI, { APIError, APIUserAbortError, toFile } from 'openai';
import { type CloudChunk, cutChunks, readLanguageCode, toFailure } from './cloud-chunks.ts';
import { type ChannelText, finishTranscription } from './segments.ts';
import type { TranscriptionEngine, TranscriptionInput } from './types.ts';
import { encodeWav } from './wav.ts';

export interface OpenAiEngineOptions {
  /** `openai`, or `openai-compatible` for a server of the operator's own. */
  readonly name: 'openai' | 'openai-compatible';
  readonly apiKey: string;
  readonly baseUrl?: string;
  readonly model: string;
  readonly note: string | null;
  readonly timeoutMs: number;
}

/** 16-bit at 16 kHz this is 19 MB; the interface takes 25. */
const chunkSecondsMax = 600;
/** Without times of its own a text is only as well placed as the chunk it came from. */
const untimedSecondsMax = 25;
/** A segment that the model itself takes for silence and is not sure of: whisper's made-up thanks and subtitles. */
const noSpeechMin = 0.6;
const sureMin = -1;

/**
 * OpenAI's `/v1/audio/transcriptions`, or a server that speaks it (whisper.cpp, speaches, LocalAI). Asks for `verbose_json`, which
 * has times; falls back to `json` where that is refused or comes without segments.
 */
export function createOpenAiEngine(options: OpenAiEngineOptions): TranscriptionEngine {
  const client = new OpenAI({
    apiKey: options.apiKey,
    ...(options.baseUrl === undefined ? {} : { baseURL: options.baseUrl }),
    timeout: options.timeoutMs,
    maxRetries: 2,
  });
  /** Whether this model gives times; found out with the first answer and kept. */
  let timed: boolean | undefined;

  const ask = async (chunk: CloudChunk, input: TranscriptionInput, verbose: boolean): Promise<Answer> => {
    const file = await toFile(encodeWav(chunk.samples, input.sampleRate), 'call.wav', { type: 'audio/wav' });
    const language = readLanguageCode(input.language);
    const body = { file, model: options.model, ...(language === undefined ? {} : { language }) };
    const request = { signal: input.signal };
    const { transcriptions } = client.audio;
    if (!verbose) {
      const answer = await transcriptions.create({ ...body, response_format: 'json' }, request);
      return { text: answer.text, language: undefined, segments: undefined };
    }
    const answer = await transcriptions.create({ ...body, response_format: 'verbose_json' }, request);
    return { text: answer.text, language: answer.language, segments: answer.segments };
  };

  const run = async (input: TranscriptionInput, verbose: boolean): Promise<Found | 'untimed'> => {
    const chunks = await cutChunks(input.channels, verbose ? chunkSecondsMax : untimedSecondsMax);
    const texts: ChannelText[] = [];
    let language: string | undefined;
    for (const [index, chunk] of chunks.entries()) {
      let answer: Answer;
      try {
        answer = await ask(chunk, input, verbose);
      } catch (error) {
        if (verbose && isFormatRefused(error)) return 'untimed';
        throw error;
      }
      if (verbose && answer.segments === undefined && answer.text.trim() !== '') return 'untimed';
      language ??= answer.language;
      texts.push(...readTexts(chunk, answer));
      input.onProgress((index + 1) / chunks.length);
    }
    if (chunks.length > 0) timed ??= verbose;
    return { texts, language };
  };

  return {
    name: options.name,
    async transcribe(input) {
      try {
        let found = timed === false ? 'untimed' : await run(input, true);
        if (found === 'untimed') {
          timed = false;
          found = await run(input, false);
        }
        if (found === 'untimed') throw new Error('The server answers in no format that is understood.');
        const language = toLanguageCode(found.language) ?? readLanguageCode(input.language) ?? 'und';
        return finishTranscription(input, found.texts, language, {
          engine: options.name,
          model: options.model,
          version: null,
          kind: 'model',
          quality: 'good',
          note: options.note,
        });
      } catch (error) {
        if (input.signal.aborted || error instanceof APIUserAbortError) throw input.signal.reason ?? error;
        throw toFailure(
          options.name === 'openai' ? 'OpenAI' : 'The transcription server',
          error instanceof APIError ? error.status : undefined,
          error,
        );
      }
    },
    async close() {},
  };
}

interface Answer {
  readonly text: string;
  readonly language: string | undefined;
  readonly segments:
    | readonly {
        readonly start: number;
        readonly end: number;
        readonly text: string;
        readonly avg_logprob?: number;
        readonly no_speech_prob?: number;
      }[]
    | undefined;
}

interface Found {
  readonly texts: ChannelText[];
  readonly language: string | undefined;
}

function readTexts(chunk: CloudChunk, answer: Answer): ChannelText[] {
  const { channel, from_s } = chunk;
  if (answer.segments === undefined)
    return [{ channel, start_s: chunk.start_s, end_s: chunk.end_s, text: answer.text }];
  return answer.segments
    .filter(
      ({ no_speech_prob, avg_logprob }) =>
        (no_speech_prob ?? 0) < noSpeechMin || (avg_logprob ?? 0) > sureMin,
    )
    .map(({ start, end, text, avg_logprob }) => ({
      channel,
      start_s: from_s + start,
      end_s: from_s + end,
      text,
      ...(avg_logprob === undefined ? {} : { confidence: Math.min(1, Math.exp(avg_logprob)) }),
    }));
}

/** Models such as gpt-4o-transcribe answer 400 and name the parameter. */
function isFormatRefused(error: unknown): boolean {
  return (
    error instanceof APIError &&
    (error.status === 400 || error.status === 422) &&
    (error.param === 'response_format' || /response_format|verbose_json/.test(error.message))
  );
}

/** Verbose answers name the language in English: `english`. */
function toLanguageCode(language: string | undefined): string | undefined {
  if (language === undefined || language === '') return undefined;
  if (/^[a-z]{2}$/i.test(language)) return language.toLowerCase();
  const names = new Intl.DisplayNames(['en'], { type: 'language' });
  for (let first = 97; first < 123; first += 1)
    for (let second = 97; second < 123; second += 1) {
      const code = String.fromCharCode(first, second);
      if (names.of(code)?.toLowerCase() === language.toLowerCase()) return code;
    }
  return language.toLowerCase();
}
