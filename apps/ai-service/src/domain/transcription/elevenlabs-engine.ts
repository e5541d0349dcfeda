import { ElevenLabsClient, ElevenLabsError } from '@elevenlabs/elevenlabs-js';
import { cutChunks, readLanguageCode, toFailure } from './cloud-chunks.ts';
import { type ChannelText, finishTranscription } from './segments.ts';
import type { TranscriptionEngine } from './types.ts';
import { encodeWav } from './wav.ts';

export interface ElevenLabsEngineOptions {
  readonly apiKey: string;
  readonly baseUrl?: string;
  readonly model: string;
  readonly note: string | null;
  readonly timeoutMs: number;
}

const chunkSecondsMax = 900;
/** A pause that ends a segment, and how long one may get. Seconds. */
const pauseSeconds = 0.7;
const segmentSecondsMax = 20;

interface TimedWord {
  readonly text: string;
  readonly start?: number;
  readonly end?: number;
  readonly type: string;
  readonly logprob: number;
}

/** ElevenLabs' Scribe (`POST /v1/speech-to-text`). Its words are put together to segments at pauses. */
export function createElevenLabsEngine(options: ElevenLabsEngineOptions): TranscriptionEngine {
  const client = new ElevenLabsClient({
    apiKey: options.apiKey,
    ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
    timeoutInSeconds: options.timeoutMs / 1_000,
    maxRetries: 2,
  });
  return {
    name: 'elevenlabs',
    async transcribe(input) {
      try {
        const chunks = await cutChunks(input.channels, chunkSecondsMax);
        const asked = readLanguageCode(input.language);
        const found: ChannelText[] = [];
        let language: string | undefined;
        for (const [index, chunk] of chunks.entries()) {
          const answer = await client.speechToText.convert(
            {
              modelId: options.model,
              file: {
                data: encodeWav(chunk.samples, input.sampleRate),
                filename: 'call.wav',
                contentType: 'audio/wav',
              },
              timestampsGranularity: 'word',
              tagAudioEvents: false,
              diarize: false,
              ...(asked === undefined ? {} : { languageCode: asked }),
            },
            { abortSignal: input.signal },
          );
          if (!('words' in answer)) throw new Error('The answer has no words.');
          language ??= answer.languageCode;
          found.push(...joinWords(answer.words, chunk.channel, chunk.from_s));
          input.onProgress((index + 1) / chunks.length);
        }
        return finishTranscription(input, found, toTwoLetters(language) ?? asked ?? 'und', {
          engine: 'elevenlabs',
          model: options.model,
          version: null,
          kind: 'model',
          quality: 'good',
          note: options.note,
        });
      } catch (error) {
        if (input.signal.aborted) throw input.signal.reason;
        throw toFailure('ElevenLabs', error instanceof ElevenLabsError ? error.statusCode : undefined, error);
      }
    },
    async close() {},
  };
}

function joinWords(words: readonly TimedWord[], channel: number, from_s: number): ChannelText[] {
  const groups: { start: number; end: number; text: string; logprob: number; count: number }[] = [];
  for (const { text, start, end, type, logprob } of words) {
    const last = groups.at(-1);
    if (type !== 'word' || start === undefined || end === undefined) {
      if (type === 'spacing' && last !== undefined) last.text += text;
      continue;
    }
    const begins =
      last === undefined ||
      start - last.end > pauseSeconds ||
      (end - last.start > segmentSecondsMax && /[.!?]\s*$/.test(last.text));
    if (begins) groups.push({ start, end, text, logprob, count: 1 });
    else {
      last.end = end;
      last.text += text;
      last.logprob += logprob;
      last.count += 1;
    }
  }
  return groups.map(({ start, end, text, logprob, count }) => ({
    channel,
    start_s: from_s + start,
    end_s: from_s + end,
    text,
    confidence: Math.min(1, Math.exp(logprob / count)),
  }));
}

/** Scribe names languages by three letters (ISO 639-3): `eng`. */
function toTwoLetters(code: string | undefined): string | undefined {
  if (code === undefined || code === '') return undefined;
  const short = new Intl.Locale(code).maximize().language;
  return Intl.getCanonicalLocales(short)[0] ?? code;
}
