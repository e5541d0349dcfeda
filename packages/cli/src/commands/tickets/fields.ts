import { UsageError } from '../../command.ts';

/** One of some words, or none. Throws UsageError, which names them. */
export const oneOf = <const Word extends string>(
  words: readonly Word[],
  given: string | undefined,
  option: string,
): Word | undefined => {
  const found = words.find((word) => word === given);
  if (found !== given) throw new UsageError(`--${option} must be one of ${words.join(', ')}.`);
  return found;
};
