import { readFileSync } from 'node:fs';

const endings = /(?:s|es|'s|y|ed|er|ers|ing|in'|in|head|heads)$/;

/**
 * Gives a test for words that offline recognition must not write (assets/left-out-words.txt says why). Knows the
 * words of the list and their common endings.
 */
export function readLeftOutWords(): (word: string) => boolean {
  const words = new Set(
    readFileSync(new URL('../../../assets/left-out-words.txt', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  return (word) => {
    const stem = word.replace(endings, '');
    return words.has(word) || words.has(stem) || words.has(stem.replace(/(.)\1$/, '$1'));
  };
}
