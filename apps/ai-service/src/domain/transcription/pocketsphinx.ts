import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassingFailure } from '../analysis/types.ts';
import { programEnvironment } from '../runtime/config.ts';
import { makeRecordingFolder } from '../runtime/recording-folder.ts';
import { assertEnglish, type ChannelText, finishTranscription, writeLine } from './segments.ts';
import { readModelBase } from './soundswallower/decoder.ts';
import { type LanguageModel, readBundledLanguageModel } from './soundswallower/language-model.ts';
import { cutSpeech, type SpeechPiece } from './speech-pieces.ts';
import type { TranscriptionEngine } from './types.ts';
import { encodeWav } from './wav.ts';

export interface PocketSphinxOptions {
  /** The program `pocketsphinx_batch`: a name on PATH or a path. */
  readonly program: string;
  readonly note: string | null;
}

const pieceSecondsMax = 20;
/** Pieces for one run of the program: starting it costs a second or two, and progress is told between runs. */
const piecesPerRun = 24;
const runTimeoutMs = 300_000;

/**
 * PocketSphinx as a separate program (Debian: `apt install pocketsphinx`). It is given the telephone acoustic model of the
 * npm package soundswallower, which does better on calls than the broadband one that it comes with, and a bigram of 12,000 words.
 */
export function createPocketSphinxEngine(options: PocketSphinxOptions): TranscriptionEngine {
  const name = 'pocketsphinx';
  let prepared: Promise<string> | undefined;
  return {
    name,
    async transcribe(input) {
      assertEnglish(input.language, name);
      prepared ??= prepareModels();
      const models = await prepared;
      const pieces = await cutSpeech(input.channels, pieceSecondsMax);
      const found: ChannelText[] = [];
      for (let index = 0; index < pieces.length; index += piecesPerRun) {
        input.signal.throwIfAborted();
        const batch = pieces.slice(index, index + piecesPerRun);
        const lines = await recognise(options.program, models, batch, input.signal);
        batch.forEach((piece, at) => {
          found.push({ ...piece, text: lines[at] ?? '' });
        });
        input.onProgress(Math.min(1, (index + batch.length) / pieces.length));
      }
      return finishTranscription(input, found, 'en', {
        engine: name,
        model: 'cmusphinx-en-us-ptm-8khz-5.2, bigram of 12,000 words',
        version: null,
        kind: 'model',
        quality: 'basic',
        note: options.note,
      });
    },
    async close() {
      if (prepared !== undefined) await rm(await prepared, { recursive: true, force: true });
      prepared = undefined;
    },
  };
}

/** The models under the names and in the formats that the program expects, in a folder of their own. */
async function prepareModels(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-speech-'));
  const source = join(readModelBase(), 'en-us');
  for (const file of ['mdef', 'means', 'variances', 'sendump', 'transition_matrices'])
    await symlink(join(source, file), join(folder, file));
  await symlink(join(source, 'noisedict.txt'), join(folder, 'noisedict'));
  const features: Record<string, string | number | boolean> = JSON.parse(
    await readFile(join(source, 'feat_params.json'), 'utf8'),
  );
  const wanted = ['lowerf', 'upperf', 'nfilt', 'transform', 'lifter', 'feat', 'svspec'];
  const lines = wanted.map((key) => `-${key} ${features[key]}`);
  await writeFile(join(folder, 'feat.params'), `${lines.join('\n')}\n-agc none\n-cmn batch\n-varnorm no\n`);

  const model = readBundledLanguageModel('large');
  await writeFile(join(folder, 'call.arpa'), writeArpa(model));
  const words = new Set(model.words);
  const dictionary = (await readFile(join(source, 'dict.txt'), 'utf8'))
    .split('\n')
    .filter((line) => words.has(line.slice(0, line.search(/[\s(]/))));
  await writeFile(join(folder, 'call.dict'), `${dictionary.join('\n')}\n`);
  return folder;
}

/** The format that all recognisers of the Sphinx family read. */
function writeArpa(model: LanguageModel): string {
  const end = model.words.length;
  const nameOf = (id: number) => (id === end ? '</s>' : id === end + 1 ? '<s>' : (model.words[id] ?? ''));
  const bigrams = model.bigrams.flatMap((row, from) =>
    row.map(({ to, log10 }) => `${log10.toFixed(3)} ${nameOf(from)} ${nameOf(to)}`),
  );
  const unigrams = model.backoffs.map((backoff, id) => {
    const log10 = id === end + 1 ? -99 : (model.unigrams[id] ?? -9);
    return `${log10.toFixed(3)} ${nameOf(id)} ${(id === end ? 0 : backoff).toFixed(3)}`;
  });
  return [
    '\\data\\',
    `ngram 1=${unigrams.length}`,
    `ngram 2=${bigrams.length}`,
    '',
    '\\1-grams:',
    ...unigrams,
    '',
    '\\2-grams:',
    ...bigrams,
    '',
    '\\end\\',
    '',
  ].join('\n');
}

async function recognise(
  program: string,
  models: string,
  pieces: readonly SpeechPiece[],
  signal: AbortSignal,
): Promise<string[]> {
  const folder = await makeRecordingFolder();
  try {
    const names = pieces.map((_, index) => `piece-${index}`);
    await Promise.all(
      pieces.map((piece, index) =>
        writeFile(join(folder, `${names[index]}.wav`), encodeWav(piece.samples, 16_000), { mode: 0o600 }),
      ),
    );
    await writeFile(join(folder, 'pieces.ctl'), `${names.join('\n')}\n`);
    await run(
      program,
      [
        ...['-hmm', models, '-lm', join(models, 'call.arpa'), '-dict', join(models, 'call.dict')],
        ...['-ctl', join(folder, 'pieces.ctl'), '-cepdir', folder, '-cepext', '.wav'],
        ...['-adcin', 'yes', '-adchdr', '44', '-cmn', 'batch'],
        ...['-hyp', join(folder, 'words.txt'), '-logfn', '/dev/null'],
      ],
      signal,
    );
    // A line is `the words (piece-3 -12345)`.
    const texts = new Map<string, string>();
    for (const line of (await readFile(join(folder, 'words.txt'), 'utf8')).split('\n')) {
      const [, words = '', name = ''] = /^(.*?)\s*\((\S+)(?: -?\d+)?\)$/.exec(line) ?? [];
      texts.set(name, writeLine(words.split(' ').filter((word) => /^[a-z]/.test(word))));
    }
    return names.map((name) => texts.get(name) ?? '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'ignore',
      env: programEnvironment(),
      timeout: runTimeoutMs,
      killSignal: 'SIGKILL',
      signal,
    });
    child.once('error', (error) =>
      reject(
        signal.aborted
          ? signal.reason
          : new PassingFailure('ANALYSIS_FAILED', `${program} cannot be run: ${error.message}`, error),
      ),
    );
    child.once('close', (code, killed) => {
      if (signal.aborted) reject(signal.reason);
      else if (code === 0) resolve();
      else
        reject(
          new PassingFailure('ANALYSIS_FAILED', `${program} ended with ${killed ?? `code ${String(code)}`}.`),
        );
    });
  });
}
