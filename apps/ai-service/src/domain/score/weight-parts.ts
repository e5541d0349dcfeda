import type { ScorePart } from '@switchboard/contracts';

/** A part whose score is not known (null) is left out, and the weights of the rest are scaled to add up to 1. */
export interface PossiblePart {
  readonly name: string;
  readonly score: number | null;
  readonly weight: number;
}

/** The weighted mean of the parts, 0–10 with one decimal; 0 when nothing is known. Scores outside 0–10 are cut. */
export function weightParts(possible: readonly PossiblePart[]): { score: number; parts: ScorePart[] } {
  const known = possible.flatMap(({ name, score, weight }) =>
    score === null || !Number.isFinite(score)
      ? []
      : [{ name, weight, score: Math.min(10, Math.max(0, score)) }],
  );
  const total = known.reduce((sum, part) => sum + part.weight, 0);
  const parts = known.map((part) => ({
    name: part.name,
    score: Math.round(part.score * 10) / 10,
    weight: Math.round((part.weight / total) * 1_000) / 1_000,
  }));
  // What rounding took from the sum or added to it goes to the heaviest part, where it shows least.
  const [heaviest] = parts.toSorted((a, b) => b.weight - a.weight);
  const missing = 1 - parts.reduce((sum, part) => sum + part.weight, 0);
  if (heaviest) heaviest.weight = Math.round((heaviest.weight + missing) * 1_000) / 1_000;
  // From the rounded parts, so that a reader who adds them up comes to the same figure.
  const mean = parts.reduce((sum, part) => sum + part.score * part.weight, 0);
  return { score: Math.min(10, Math.round(mean * 10) / 10), parts };
}
