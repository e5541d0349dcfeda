/** FNV-1a: the same on every dispatcher, and spread enough that no dispatcher gets the odd one of every lane. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
};

/** Where a dispatcher stands among those that live, by the order of their ids. */
export interface Rank {
  readonly index: number;
  readonly count: number;
}

/**
 * One dispatcher's part of `whole`. The parts of all make up the whole: with fewer than there are dispatchers, some get
 * nothing. A lane's first part, of whatever there is to divide, is at one and the same dispatcher, so that nobody has
 * the right to send and another the rate for it.
 */
export const shareOf = (lane: string, whole: number, { index, count }: Rank): number => {
  const place = (index + hashOf(lane)) % count;
  return Math.floor(whole / count) + (place < whole % count ? 1 : 0);
};
