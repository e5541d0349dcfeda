import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import createModule, { type Decoder, type SoundSwallowerModule } from 'soundswallower';
import { type LanguageModel, readBundledLanguageModel } from './language-model.ts';

/**
 * TERMINOLOGY
 *   FSG        finite-state grammar: the only language model this recogniser knows. A bigram is written as one: a state
 *              for each word, an arc for each bigram, and a backoff state that every word reaches without speaking.
 *   null arc   an arc that consumes no sound.
 */

/** The C calls that the WebAssembly module exports and its JavaScript wrapper does not use. */
interface GrammarCalls {
  _fsg_model_init(name: number, logmath: number, languageWeight: number, states: number): number;
  _fsg_model_word_add(fsg: number, word: number): number;
  _fsg_model_trans_add(fsg: number, from: number, to: number, logProbability: number, word: number): void;
  _fsg_model_null_trans_add(fsg: number, from: number, to: number, logProbability: number): number;
  _fsg_set_states(fsg: number, start: number, final: number): void;
  _logmath_log(logmath: number, probability: number): number;
  _decoder_logmath(decoder: number): number;
  _decoder_set_fsg(decoder: number, fsg: number): number;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  readonly HEAPU8: Uint8Array;
}

export interface RecognisedWord {
  readonly text: string;
  /** Seconds from the start of the piece that was given. */
  readonly start_s: number;
  readonly end_s: number;
}

export interface SpeechDecoder {
  /** Words in a piece of speech (16 kHz, -1…1, some seconds long). None when nothing was understood. */
  decode(samples: Float32Array): RecognisedWord[];
}

/** How strongly the language model counts against the sound; measured best on the bundled recordings (4 … 6.5 tried). */
const languageWeight = 5;
/** Chance that a word is added at all: below 1, fewer short words are made up out of noise. */
const wordInsertion = 0.5;

/** Where the npm package keeps its acoustic models, with the trailing slash that it needs. */
export function readModelBase(): string {
  return `${join(dirname(createRequire(import.meta.url).resolve('soundswallower')), 'model')}/`;
}

/**
 * Loads the recogniser, its telephone acoustic model and the bundled language model. Takes seconds and some hundred
 * megabytes: do it once, in a worker thread, because decoding blocks the thread it runs on.
 */
export async function createSpeechDecoder(
  model: LanguageModel = readBundledLanguageModel(),
): Promise<SpeechDecoder> {
  const options = { modelBase: readModelBase(), print: () => {}, printErr: () => {} };
  const module = await createModule(options);
  assertGrammarCalls(module);
  // Left at its default of 44,100 Hz it would take 16 kHz sound for something else and write nonsense without an error.
  const decoder = new module.Decoder({ samprate: 16_000, loglevel: 'ERROR' });
  await decoder.initialize();
  setLanguageModel(module, decoder, model);
  return {
    decode(samples) {
      decoder.start();
      decoder.process_audio(samples, false, true);
      decoder.stop();
      return readWords(decoder);
    },
  };
}

function readWords(decoder: Decoder): RecognisedWord[] {
  const words = decoder.get_alignment().w ?? [];
  return words
    .filter(({ t }) => /^[a-z]/.test(t))
    .map(({ t, b, d }) => ({ text: t.replace(/\(\d+\)$/, ''), start_s: b, end_s: b + d }));
}

/** Hands the bigram to the recogniser as a grammar. Log values are scaled by the language weight here. */
function setLanguageModel(
  module: SoundSwallowerModule & GrammarCalls,
  decoder: Decoder,
  model: LanguageModel,
): void {
  const pointer = readPointer(decoder);
  const logmath = module._decoder_logmath(pointer);
  const unit = module._logmath_log(logmath, 10);
  const scale = (log10: number) => Math.round(log10 * unit * languageWeight);
  const insertion = Math.log10(wordInsertion) / languageWeight;
  const withText = <T>(text: string, use: (address: number) => T): T => {
    const bytes = Buffer.from(`${text}\0`);
    const address = module._malloc(bytes.length);
    module.HEAPU8.set(bytes, address);
    try {
      return use(address);
    } finally {
      module._free(address);
    }
  };

  const words = model.words.length;
  const end = words;
  const start = words + 1;
  const backoff = words + 2;
  const fsg = withText('call-english', (name) =>
    module._fsg_model_init(name, logmath, languageWeight, words + 3),
  );
  const wordIds = model.words.map((word) => withText(word, (text) => module._fsg_model_word_add(fsg, text)));
  const addArc = (from: number, to: number, log10: number) => {
    if (to === end) module._fsg_model_null_trans_add(fsg, from, end, scale(log10));
    else module._fsg_model_trans_add(fsg, from, to, scale(log10 + insertion), wordIds[to] ?? 0);
  };
  const endUnigram = model.unigrams[end] ?? -9;
  model.bigrams.forEach((row, from) => {
    if (from === end) return;
    const weight = model.backoffs[from] ?? 0;
    for (const { to, log10 } of row) addArc(from, to, log10);
    // The end is reached in one step from every word: two null arcs in a row would not be followed.
    if (from !== start && !row.some(({ to }) => to === end)) addArc(from, end, weight + endUnigram);
    module._fsg_model_null_trans_add(fsg, from, backoff, scale(Math.min(0, weight)));
  });
  for (let word = 0; word < words; word += 1) addArc(backoff, word, model.unigrams[word] ?? -9);
  module._fsg_set_states(fsg, start, end);
  if (module._decoder_set_fsg(pointer, fsg) < 0)
    throw new Error(
      'The recogniser refused the language model: rebuild it with scripts/build-language-model.ts.',
    );
}

function assertGrammarCalls(
  module: SoundSwallowerModule,
): asserts module is SoundSwallowerModule & GrammarCalls {
  const needed = ['_fsg_model_init', '_fsg_model_trans_add', '_fsg_model_null_trans_add', '_decoder_set_fsg'];
  const missing = needed.filter((name) => !(name in module));
  if (missing.length > 0)
    throw new Error(`This release of soundswallower does not export ${missing.join(', ')}.`);
}

/** The address of the C decoder, which the wrapper keeps in a field that its types leave out. */
function readPointer(decoder: Decoder): number {
  if (!('cdecoder' in decoder) || typeof decoder.cdecoder !== 'number')
    throw new Error('This release of soundswallower keeps its decoder elsewhere.');
  return decoder.cdecoder;
}
