import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertEnglish, type ChannelText, finishTranscription } from './segments.ts';
import { cutSpeech } from './speech-pieces.ts';
import type { TranscriptionEngine } from './types.ts';

export interface SherpaEngineOptions {
  /** A folder with an ONNX model as sherpa-onnx publishes them. */
  readonly modelDir: string;
  readonly note: string | null;
}

const packageName = 'sherpa-onnx-node';
const pieceSecondsMax = 25;

/** What is used of sherpa-onnx-node (https://k2-fsa.github.io/sherpa/onnx/javascript-api/). */
interface Recognizer {
  createStream(): { acceptWaveform(input: { sampleRate: number; samples: Float32Array }): void };
  decodeAsync(stream: unknown): Promise<{ readonly text: string; readonly lang?: string }>;
}
interface SherpaModule {
  readonly OfflineRecognizer: { createAsync(config: unknown): Promise<Recognizer> };
}

/**
 * sherpa-onnx with a model of the operator's (whisper, SenseVoice, transducer or NeMo CTC). Not a dependency: it is imported
 * when configured, and the error says how to install it.
 */
export async function createSherpaEngine(options: SherpaEngineOptions): Promise<TranscriptionEngine> {
  const sherpa = await importSherpa();
  const { model, name, english } = await describeModel(options.modelDir);
  const recognizer = await sherpa.OfflineRecognizer.createAsync({
    featConfig: { sampleRate: 16_000, featureDim: 80 },
    modelConfig: { ...model, numThreads: 2, provider: 'cpu', debug: 0 },
  });
  return {
    name: 'sherpa-onnx',
    async transcribe(input) {
      if (english) assertEnglish(input.language, 'sherpa-onnx');
      const pieces = await cutSpeech(input.channels, pieceSecondsMax);
      const found: ChannelText[] = [];
      let language = input.language?.split(/[-_]/)[0];
      for (const [index, piece] of pieces.entries()) {
        input.signal.throwIfAborted();
        const stream = recognizer.createStream();
        stream.acceptWaveform({ sampleRate: input.sampleRate, samples: piece.samples });
        const { text, lang } = await recognizer.decodeAsync(stream);
        language ??= lang?.replace(/[<|>]/g, '') || undefined;
        found.push({ ...piece, text });
        input.onProgress((index + 1) / pieces.length);
      }
      return finishTranscription(input, found, language ?? (english ? 'en' : 'und'), {
        engine: 'sherpa-onnx',
        model: name,
        version: null,
        kind: 'model',
        quality: 'good',
        note: options.note,
      });
    },
    async close() {},
  };
}

async function importSherpa(): Promise<SherpaModule> {
  let module: { default?: unknown };
  try {
    module = await import(packageName);
  } catch (cause) {
    throw new Error(
      `STT_MODEL_DIR is set, but ${packageName} is not installed: run \`npm install ${packageName}\`, or leave STT_MODEL_DIR out.`,
      { cause },
    );
  }
  const candidate = module.default ?? module;
  if (!isSherpa(candidate))
    throw new Error(
      `This release of ${packageName} has no OfflineRecognizer.createAsync: install 1.12 or later.`,
    );
  return candidate;
}

function isSherpa(candidate: unknown): candidate is SherpaModule {
  if (typeof candidate !== 'object' || candidate === null || !('OfflineRecognizer' in candidate))
    return false;
  const recognizer = candidate.OfflineRecognizer;
  return typeof recognizer === 'function' && 'createAsync' in recognizer;
}

/** Tells the kind of a model by the names of its files, as they are published. Smaller (int8) files are preferred. */
async function describeModel(
  folder: string,
): Promise<{ model: Record<string, unknown>; name: string; english: boolean }> {
  const files = await readdir(folder).catch((cause) => {
    throw new Error(`STT_MODEL_DIR is ${folder}, which cannot be read: correct it or leave it out.`, {
      cause,
    });
  });
  const name = folder.split(/[\\/]/).findLast((part) => part !== '') ?? folder;
  const find = (pattern: RegExp): string | undefined => {
    const matches = files.filter((file) => pattern.test(file) && file.endsWith('.onnx')).sort();
    const file = matches.find((match) => match.includes('int8')) ?? matches[0];
    return file === undefined ? undefined : join(folder, file);
  };
  const tokensFile = files.find((file) => file.endsWith('tokens.txt'));
  if (tokensFile === undefined)
    throw new Error(
      `There is no tokens.txt in ${folder} (STT_MODEL_DIR): unpack a model of sherpa-onnx there.`,
    );
  const tokens = join(folder, tokensFile);
  const encoder = find(/encoder/);
  const decoder = find(/decoder/);
  const joiner = find(/joiner/);
  const single = find(/model/);
  const english = /(^|[-_.])en([-_.]|$)/.test(name);
  if (encoder !== undefined && decoder !== undefined && joiner !== undefined)
    return { model: { transducer: { encoder, decoder, joiner }, tokens }, name, english };
  if (encoder !== undefined && decoder !== undefined)
    return { model: { whisper: { encoder, decoder }, tokens }, name, english };
  if (single !== undefined && /sense-?voice/i.test(name))
    return {
      model: { senseVoice: { model: single, useInverseTextNormalization: 1 }, tokens },
      name,
      english,
    };
  if (single !== undefined) return { model: { nemoCtc: { model: single }, tokens }, name, english };
  throw new Error(`The files in ${folder} (STT_MODEL_DIR) are of no model that is understood.`);
}
