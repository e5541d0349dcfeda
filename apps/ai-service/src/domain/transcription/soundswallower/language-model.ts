import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/**
 * A backoff bigram model. Logarithms are to base 10. Ids: 0 … words.length-1 are the words, then the end of a sentence,
 * then its start. `backoffs` and `bigrams` have a row for each id (that of the end is empty).
 */
export interface LanguageModel {
  readonly words: readonly string[];
  /** Of the words and of the end of a sentence. */
  readonly unigrams: readonly number[];
  readonly backoffs: readonly number[];
  readonly bigrams: readonly (readonly { readonly to: number; readonly log10: number }[])[];
}

const magic = 'SBLM1\n';
/** A byte holds a logarithm down to -8.5 in steps of 1/30: finer than what recognition notices. */
const stepsPerUnit = 30;
/** Backoff weights may be above zero. */
const backoffShift = 2;

/** Packs a model into bytes (before compression). Reading it back gives the logarithms rounded to 1/30. */
export function encodeLanguageModel(model: LanguageModel): Buffer {
  const bytes: number[] = [];
  const pushVarint = (value: number) => {
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest & 127) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  };
  const pushLog = (log10: number) =>
    bytes.push(Math.max(0, Math.min(255, Math.round(-log10 * stepsPerUnit))));
  for (const log10 of model.unigrams) pushLog(log10);
  for (const log10 of model.backoffs) pushLog(log10 - backoffShift);
  // All gaps, then all logarithms: alike beside alike compresses better.
  for (const row of model.bigrams) {
    pushVarint(row.length);
    let last = -1;
    for (const { to } of row) {
      pushVarint(to - last - 1);
      last = to;
    }
  }
  for (const row of model.bigrams) for (const { log10 } of row) pushLog(log10);
  const words = Buffer.from(model.words.join('\n'));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(words.length);
  return Buffer.concat([Buffer.from(magic), size, words, Buffer.from(bytes)]);
}

/** Reads what encodeLanguageModel wrote. */
export function decodeLanguageModel(bytes: Buffer): LanguageModel {
  if (bytes.toString('latin1', 0, magic.length) !== magic) throw new Error('Not a language model of ours.');
  let offset = magic.length;
  const wordsBytes = bytes.readUInt32LE(offset);
  offset += 4;
  const words = bytes.toString('utf8', offset, offset + wordsBytes).split('\n');
  offset += wordsBytes;
  const readLog = () => -(bytes[offset++] ?? 0) / stepsPerUnit;
  const readVarint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[offset++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const unigrams = Array.from({ length: words.length + 1 }, readLog);
  const backoffs = Array.from({ length: words.length + 2 }, () => readLog() + backoffShift);
  const targets = Array.from({ length: words.length + 2 }, () => {
    let last = -1;
    return Array.from({ length: readVarint() }, () => {
      last += readVarint() + 1;
      return last;
    });
  });
  const bigrams = targets.map((row) => row.map((to) => ({ to, log10: readLog() })));
  return { words, unigrams, backoffs, bigrams };
}

const bundled = { small: 'call-english.lm.gz', large: 'call-english-large.lm.gz' } as const;

/**
 * Reads a model that ships with this service (assets/, made by scripts/build-language-model.ts): `small`, 3,000 words, for the
 * recogniser that has to write it out as a grammar in memory; `large`, 12,000 words, for one that reads it as it is.
 */
export function readBundledLanguageModel(size: keyof typeof bundled = 'small'): LanguageModel {
  const file = new URL(`../../../../assets/${bundled[size]}`, import.meta.url);
  return decodeLanguageModel(gunzipSync(readFileSync(file)));
}
