const words = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9' ]+/g, ' ')
    .split(/\s+/)
    .filter(Boolean);

/** Word error rate: insertions, deletions and substitutions over the number of words said. */
export const wordErrorRate = (said: string, heard: string): number => {
  const reference = words(said);
  const hypothesis = words(heard);
  let previous = hypothesis.map((_, index) => index + 1);
  previous.unshift(0);
  for (const [row, word] of reference.entries()) {
    const current = [row + 1];
    for (const [column, other] of hypothesis.entries()) {
      current.push(
        Math.min(
          (current[column] ?? 0) + 1,
          (previous[column + 1] ?? 0) + 1,
          (previous[column] ?? 0) + (word === other ? 0 : 1),
        ),
      );
    }
    previous = current;
  }
  return (previous.at(-1) ?? 0) / reference.length;
};
