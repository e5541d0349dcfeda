/*
 * TERMINOLOGY
 *   head     the small layer on top of the sentence embeddings: three rows of weights and a softmax
 *   label    negative | neutral | positive
 *   polarity p(positive) − p(negative): −1 … 1
 */

export const sentimentLabels = ['negative', 'neutral', 'positive'] as const;
export type SentimentLabel = (typeof sentimentLabels)[number];

export interface SentimentHead {
  readonly version: string;
  /** One row for each label, in the order of `sentimentLabels`; the last number of a row is its bias. */
  readonly weights: readonly (readonly number[])[];
}

export interface Sentiment {
  readonly label: SentimentLabel;
  readonly polarity: number;
  readonly confidence: number;
  /** Probability of each label, in the order of `sentimentLabels`. */
  readonly chances: readonly number[];
}

export interface TrainingExample {
  readonly vector: readonly number[];
  readonly label: SentimentLabel;
}

/** Says how a line feels from its embedding. A zero vector (a line without words) is neutral. */
export function classifySentiment(head: SentimentHead, vector: readonly number[]): Sentiment {
  if (vector.every((value) => value === 0)) return sentimentOf([0, 1, 0]);
  return sentimentOf(softmax(head.weights.map((row) => activation(row, vector))));
}

/** The likeliest label and the polarity of three chances that add up to one. */
export function sentimentOf(chances: readonly number[]): Sentiment {
  const [negative = 0, neutral = 0, positive = 0] = chances;
  const confidence = Math.max(negative, neutral, positive);
  const label = confidence === neutral ? 'neutral' : confidence === positive ? 'positive' : 'negative';
  return { label, polarity: positive - negative, confidence, chances };
}

/**
 * Trains the head by full-batch gradient descent on the cross-entropy with an L2 penalty.
 *
 * Starts from zeros and takes every example in every step, so the same examples give the same weights.
 */
export function trainSentimentHead(
  examples: readonly TrainingExample[],
  options: { readonly steps: number; readonly rate: number; readonly penalty: number },
): readonly (readonly number[])[] {
  const size = examples[0]?.vector.length ?? 0;
  const weights = sentimentLabels.map(() => new Array<number>(size + 1).fill(0));
  const velocity = sentimentLabels.map(() => new Array<number>(size + 1).fill(0));
  for (let step = 0; step < options.steps; step += 1) {
    const gradient = sentimentLabels.map(() => new Array<number>(size + 1).fill(0));
    for (const { vector, label } of examples) {
      const chances = softmax(weights.map((row) => activation(row, vector)));
      for (const [index, row] of gradient.entries()) {
        const error = (chances[index] ?? 0) - (sentimentLabels[index] === label ? 1 : 0);
        for (let at = 0; at < size; at += 1) row[at] = (row[at] ?? 0) + error * (vector[at] ?? 0);
        row[size] = (row[size] ?? 0) + error;
      }
    }
    for (const [index, row] of weights.entries()) {
      const slope = gradient[index] ?? [];
      const speed = velocity[index] ?? [];
      for (let at = 0; at <= size; at += 1) {
        const pull = (slope[at] ?? 0) / examples.length + (at < size ? options.penalty * (row[at] ?? 0) : 0);
        speed[at] = 0.9 * (speed[at] ?? 0) - options.rate * pull;
        row[at] = (row[at] ?? 0) + (speed[at] ?? 0);
      }
    }
  }
  return weights.map((row) => row.map((value) => Math.round(value * 10_000) / 10_000));
}

function activation(row: readonly number[], vector: readonly number[]): number {
  let sum = row[vector.length] ?? 0;
  for (let index = 0; index < vector.length; index += 1) sum += (row[index] ?? 0) * (vector[index] ?? 0);
  return sum;
}

function softmax(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - highest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}
