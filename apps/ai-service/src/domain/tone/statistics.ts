/** Value below which this share (0–1) of the numbers lies; null when there are none. */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}

export function median(values: readonly number[]): number | null {
  return percentile(values, 0.5);
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** A finite number with so many decimals; what is not finite becomes 0, for no result may hold NaN. */
export function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Number.isFinite(value) ? Math.round(value * factor) / factor + 0 : 0;
}

export function roundOrNull(value: number | null, decimals: number): number | null {
  return value === null ? null : round(value, decimals);
}

/** Straight line between two points, flat outside them: how a measure becomes points of a score. */
export function ramp(value: number, from: number, fromScore: number, to: number, toScore: number): number {
  const share = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return fromScore + share * (toScore - fromScore);
}
