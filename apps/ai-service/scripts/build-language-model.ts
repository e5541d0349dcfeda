/**
 * Builds assets/call-english.lm.gz and -large: backoff bigrams over 3,000 and 12,000 words, cut out of the CMU US English language
 * model and mixed with phrases of service calls. Run again only when the source or the phrases change.
 *
 *   apt-get download pocketsphinx-en-us && dpkg -x pocketsphinx-en-us_*.deb en-us
 *   node_modules/.bin/node apps/ai-service/scripts/build-language-model.ts \
 *     en-us/usr/share/pocketsphinx/model/en-us/en-us.lm.bin
 *
 * Source: "US English generic" language model of CMU Sphinx, BSD-2-Clause (see assets/NOTICE.md).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readLeftOutWords } from '../src/domain/transcription/left-out-words.ts';
import {
  encodeLanguageModel,
  type LanguageModel,
} from '../src/domain/transcription/soundswallower/language-model.ts';
import { readTrieModel, type TrieModel } from './read-trie-model.ts';

/**
 * The small model is written out as a grammar in the embedded recogniser's memory, where a bigram costs about 6 KB: 200,000 of
 * them took 1 GB and understood the bundled recordings no better.
 */
const sizes = [
  { file: 'call-english.lm.gz', wordsMax: 3_000, bigramsMax: 60_000 },
  { file: 'call-english-large.lm.gz', wordsMax: 12_000, bigramsMax: 250_000 },
];
/** How much of the mixture is service calls. */
const phraseShare = 0.35;
const digits = ['zero', 'oh', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
/** A digit is followed by another one this often: numbers in calls are phone, account and order numbers. */
const digitAgain = 0.93;

const source = process.argv[2];
if (source === undefined) throw new Error('Say where en-us.lm.bin lies: … <path>.');
const general = readTrieModel(readFileSync(source));
const phrases = readPhrases(join(import.meta.dirname, 'call-phrases.txt'));
for (const { file, wordsMax, bigramsMax } of sizes) {
  const model = buildModel(general, phrases, readPronounced(), wordsMax, bigramsMax);
  const encoded = gzipSync(encodeLanguageModel(model), { level: 9 });
  writeFileSync(join(import.meta.dirname, '../assets', file), encoded);
  const arcs = model.bigrams.reduce((total, row) => total + row.length, 0);
  console.info(`${file}: ${model.words.length} words, ${arcs} bigrams, ${encoded.length} bytes`);
}

function readPronounced(): Set<string> {
  const base = dirname(createRequire(import.meta.url).resolve('soundswallower'));
  const lines = readFileSync(join(base, 'model/en-us/dict.txt'), 'utf8').split('\n');
  return new Set(lines.map((line) => line.slice(0, line.search(/\s/))).filter((word) => !word.includes('(')));
}

function readPhrases(path: string): string[][] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' '));
}

/** Counts of what follows what in the phrases, with <s> and </s>; {digits} is expanded to its expected counts. */
function countPhrases(sentences: string[][]): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  const add = (from: string, to: string, count: number) => {
    const row = counts.get(from) ?? new Map<string, number>();
    row.set(to, (row.get(to) ?? 0) + count);
    counts.set(from, row);
  };
  for (const sentence of sentences) {
    let before = ['<s>'];
    for (const word of [...sentence, '</s>']) {
      const now = word === '{digits}' ? digits : [word];
      for (const from of before) for (const to of now) add(from, to, 1 / (before.length * now.length));
      if (word === '{digits}') {
        const again = digitAgain / (1 - digitAgain);
        for (const from of digits) for (const to of digits) add(from, to, again / digits.length ** 2);
      }
      before = now;
    }
  }
  return counts;
}

function buildModel(
  general: TrieModel,
  sentences: string[][],
  pronounced: Set<string>,
  wordsMax: number,
  bigramsMax: number,
): LanguageModel {
  const leftOut = readLeftOutWords();
  const counts = countPhrases(sentences);
  const phraseWords = new Set(
    [...counts.values()].flatMap((row) => [...row.keys()]).filter((word) => word !== '</s>'),
  );
  for (const word of phraseWords)
    if (!pronounced.has(word)) throw new Error(`The dictionary has no pronunciation for "${word}".`);

  const known = general.words
    .map((word, id) => ({ word, id, probability: 10 ** (general.unigram[id] ?? -99) }))
    .filter(({ word }) => pronounced.has(word) && !leftOut(word) && /^[a-z][a-z']*$/.test(word))
    .filter(({ word }) => word.length > 1 || word === 'a' || word === 'i')
    .sort((left, right) => right.probability - left.probability);
  const chosen = known.filter(({ word }) => phraseWords.has(word));
  for (const entry of known) {
    if (chosen.length >= wordsMax) break;
    if (!phraseWords.has(entry.word)) chosen.push(entry);
  }
  const words = chosen.map(({ word }) => word).sort();
  const idOf = new Map(words.map((word, id) => [word, id]));
  const end = words.length;
  const start = words.length + 1;
  const generalIds = new Map(general.words.map((word, id) => [word, id]));
  const generalOf = [...words, '</s>', '<s>'].map((word) => generalIds.get(word) ?? -1);
  const localOf = new Map(generalOf.map((id, local) => [id, local]));

  // Unigrams over the chosen words and </s>, mixed and made to sum to one.
  const phraseUnigrams = new Float64Array(end + 1);
  let phraseTotal = 0;
  for (const row of counts.values())
    for (const [word, count] of row) {
      const local = word === '</s>' ? end : idOf.get(word);
      if (local === undefined) continue;
      phraseUnigrams[local] = (phraseUnigrams[local] ?? 0) + count;
      phraseTotal += count;
    }
  const generalUnigrams = Float64Array.from(
    { length: end + 1 },
    (_, local) => 10 ** (general.unigram[generalOf[local] ?? -1] ?? -99),
  );
  const generalTotal = generalUnigrams.reduce((sum, value) => sum + value, 0);
  const unigrams = generalUnigrams.map(
    (value, local) =>
      (1 - phraseShare) * (value / generalTotal) + (phraseShare * (phraseUnigrams[local] ?? 0)) / phraseTotal,
  );

  // Bigrams of the general model among the chosen words, mixed where the phrases know the word before.
  const rows: Map<number, number>[] = Array.from({ length: end + 2 }, () => new Map<number, number>());
  general.eachBigram((from, to, logProbability) => {
    const localFrom = localOf.get(from);
    const localTo = localOf.get(to);
    if (localFrom === undefined || localTo === undefined || localTo === start || localFrom === end) return;
    rows[localFrom]?.set(localTo, 10 ** logProbability);
  });
  const candidates: { from: number; to: number; probability: number; gain: number }[] = [];
  rows.forEach((row, from) => {
    if (from === end) return;
    const word = from === start ? '<s>' : (words[from] ?? '');
    const phraseRow = counts.get(word);
    const total =
      phraseRow === undefined ? 0 : [...phraseRow.values()].reduce((sum, count) => sum + count, 0);
    // A word seen once in the phrases says little about what follows it.
    const share = total === 0 ? 0 : Math.min(0.75, (phraseShare * 2 * total) / (total + 3));
    const backoff = 10 ** (general.backoff[generalOf[from] ?? -1] ?? 0);
    const mixed = new Map<number, number>();
    for (const [to, probability] of row) mixed.set(to, (1 - share) * probability);
    if (phraseRow !== undefined)
      for (const [next, count] of phraseRow) {
        const to = next === '</s>' ? end : idOf.get(next);
        if (to === undefined) continue;
        const base = mixed.get(to) ?? (1 - share) * backoff * (unigrams[to] ?? 0);
        mixed.set(to, base + (share * count) / total);
      }
    const context = from === start ? (unigrams[end] ?? 0) : (unigrams[from] ?? 0);
    for (const [to, probability] of mixed) {
      const gain = context * probability * Math.log(probability / (backoff * (unigrams[to] ?? 1e-9)));
      candidates.push({ from, to, probability, gain: Math.abs(gain) });
    }
  });
  candidates.sort((left, right) => right.gain - left.gain);

  const bigrams: { to: number; log10: number }[][] = Array.from({ length: end + 2 }, () => []);
  for (const { from, to, probability } of candidates.slice(0, bigramsMax))
    bigrams[from]?.push({ to, log10: Math.log10(probability) });
  const backoffs = bigrams.map((row) => {
    row.sort((left, right) => left.to - right.to);
    const kept = row.reduce((sum, { log10 }) => sum + 10 ** log10, 0);
    const covered = row.reduce((sum, { to }) => sum + (unigrams[to] ?? 0), 0);
    return Math.log10(Math.max(1e-4, 1 - kept) / Math.max(1e-4, 1 - covered));
  });
  return { words, unigrams: [...unigrams].map((value) => Math.log10(value)), backoffs, bigrams };
}
