/** The value below which `share` of the sorted values lie. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};

export const round = (value: number, digits = 0): string => value.toFixed(digits);

/** A table in Markdown. */
export const renderTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** One part of the results page. */
export interface BenchPart {
  readonly title: string;
  readonly text: string;
}
