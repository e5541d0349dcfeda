/** A trigram model of CMU Sphinx in its "trie" file format, as far as its bigrams. Logarithms are to base 10. */
export interface TrieModel {
  readonly words: readonly string[];
  readonly unigram: Float64Array;
  readonly backoff: Float64Array;
  eachBigram(visit: (from: number, to: number, log10: number) => void): void;
}

const magic = 'Trie Language Model';
const tableEntries = 1 << 16;
/** The file's logarithms are to base 1.0001. */
const toLog10 = Math.log10(1.0001);

/**
 * Reads a model written by sphinxbase (the format has no document: its source, src/libsphinxbase/lm/lm_trie.c and
 * lm_trie_quant.c, is what it is read after). Layout: magic, order, counts, quantisation tables, unigrams, a bit-packed
 * array of bigrams (grouped by their LAST word), one of trigrams, the words.
 */
export function readTrieModel(file: Buffer): TrieModel {
  if (file.toString('latin1', 0, magic.length) !== magic)
    throw new Error('Not a trie language model of CMU Sphinx.');
  let offset = magic.length;
  const order = file.readUInt8(offset);
  offset += 1;
  if (order !== 3) throw new Error(`A trigram model is needed, this one is of order ${order}.`);
  const counts = [0, 1, 2].map((index) => file.readUInt32LE(offset + index * 4));
  const [wordCount = 0, bigramCount = 0, trigramCount = 0] = counts;
  offset += 12;
  if (file.readUInt32LE(offset) !== 1)
    throw new Error('Only models with 16-bit quantisation are understood.');
  offset += 4;
  const probabilityTable = offset;
  offset += tableEntries * 4 * 3;

  const unigram = new Float64Array(wordCount);
  const backoff = new Float64Array(wordCount);
  const first = new Uint32Array(wordCount + 1);
  for (let id = 0; id <= wordCount; id += 1, offset += 12) {
    first[id] = file.readUInt32LE(offset + 8);
    if (id === wordCount) continue;
    unigram[id] = file.readFloatLE(offset) * toLog10;
    backoff[id] = file.readFloatLE(offset + 4) * toLog10;
  }

  const wordBits = bitsFor(wordCount);
  const bigramBits = wordBits + 32 + bitsFor(trigramCount);
  const bigramsAt = offset;
  offset += Math.floor(((1 + bigramCount) * bigramBits + 7) / 8) + 8;
  offset += Math.floor(((1 + trigramCount) * (wordBits + 16) + 7) / 8) + 8;
  const stringsBytes = file.readUInt32LE(offset);
  const words = file
    .toString('utf8', offset + 4, offset + 4 + stringsBytes)
    .split('\0')
    .slice(0, wordCount);
  if (words.length !== wordCount) throw new Error('The words of the model are cut off.');

  const readBits = (bit: number, bits: number): number => {
    const at = bigramsAt + Math.floor(bit / 8);
    return Number((file.readBigUInt64LE(at) >> BigInt(bit % 8)) & ((1n << BigInt(bits)) - 1n));
  };
  return {
    words,
    unigram,
    backoff,
    eachBigram(visit) {
      for (let to = 0; to < wordCount; to += 1)
        for (let index = first[to] ?? 0; index < (first[to + 1] ?? 0); index += 1) {
          const bit = index * bigramBits;
          const from = readBits(bit, wordBits);
          const bin = readBits(bit + wordBits + 16, 16);
          visit(from, to, file.readFloatLE(probabilityTable + bin * 4) * toLog10);
        }
    },
  };
}

function bitsFor(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log2(value)) + 1;
}
