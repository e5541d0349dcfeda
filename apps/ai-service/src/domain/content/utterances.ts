import type { TranscriptSegment } from '@switchboard/contracts';
import model from 'wink-eng-lite-web-model';
import winkNLP, { type ItemToken } from 'wink-nlp';
import type { Utterance } from './types.ts';

const wink = winkNLP(model);
const { its } = wink;

/** A recogniser puts no full stops: a long run of words is cut before what opens a new clause. */
const clauseOpening =
  /\s+(?=(?:(?:what|how|when|where|why|who|which)(?:'s| is| are| was| were| do| does| did| can| could| would| will| should| may)\b|how (?:much|many|long|often) (?:is|are|do|does|did|will|would|can)\b|(?:can|could|would|will|do|did|have|are|may) (?:you|i|we)\b|(?:we|i) (?:can|will|am|understand)\b|(?:we'll|i'll|i'm|we're)\b|there (?:is|are)\b|thank you|thanks for|my name is|good ?bye|you are welcome|you're welcome))/gi;
const cutWordsMin = 8;
const pieceWordsMin = 3;
/** "What can I", "if you can", "I think we can": the words before hold the clause together. */
const holdsOn =
  /(?:\b(?:what|how|when|where|why|who|which|if|whether|that|and|or|but|so|the|a|to|as|than|because|while|since|until|after|before|like|for|of|in|with|about|i|we|you|they|he|she|it|me|us|think|thought|say|said|says|know|guess|hope|sure|believe|see|hear|told|mean|wish|feel|glad|afraid|is|was|very|much|else|everything|anything|all)|,)$/i;

/** Cuts segments into sentences, and long unpunctuated ones into clauses; times are shared out by length. */
export function splitUtterances(segments: readonly TranscriptSegment[]): Utterance[] {
  return segments.flatMap((segment, index) => {
    const pieces = splitText(segment.text);
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const seconds = Math.max(0, segment.end_s - segment.start_s);
    let before = 0;
    return pieces.map((text) => {
      const at = segment.start_s + (total === 0 ? 0 : (before / total) * seconds);
      before += text.length;
      const end = segment.start_s + (total === 0 ? 0 : (before / total) * seconds);
      return { text, speaker: segment.speaker, at_s: roundTime(at), end_s: roundTime(end), segment: index };
    });
  });
}

/** Nouns and names of a text in the singular, common words left out. */
export function nounsOf(text: string): string[] {
  const nouns: string[] = [];
  wink
    .readDoc(text.replace(/\[[A-Z]+\]/g, ' ').toLowerCase())
    .tokens()
    .each((token: ItemToken) => {
      const kind = token.out(its.pos);
      const noun = singular(token.out(its.normal));
      if (
        (kind === 'NOUN' || kind === 'PROPN') &&
        !token.out(its.stopWordFlag) &&
        /^[a-z][a-z'-]{2,}$/.test(noun)
      )
        nouns.push(noun);
    });
  return nouns;
}

/** wink-nlp's own word list on a text, −1 … 1: what the trained head must beat. */
export function wordListPolarity(text: string): number {
  return Number(wink.readDoc(text).out(its.sentiment));
}

export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}'’]+/gu)?.length ?? 0;
}

function splitText(text: string): string[] {
  const sentences: string[] = wink.readDoc(text).sentences().out();
  return sentences.flatMap((sentence) => {
    const trimmed = sentence.trim();
    if (countWords(trimmed) === 0) return [];
    if (countWords(trimmed) < cutWordsMin || /[,;:?!]/.test(trimmed.slice(0, -1))) return [trimmed];
    const pieces: string[] = [];
    let from = 0;
    for (const match of trimmed.matchAll(clauseOpening)) {
      const before = trimmed.slice(from, match.index);
      const after = trimmed.slice(match.index + match[0].length);
      if (countWords(before) < pieceWordsMin || countWords(after) < pieceWordsMin || holdsOn.test(before))
        continue;
      pieces.push(before.trim());
      from = match.index + match[0].length;
    }
    return [...pieces, trimmed.slice(from).trim()];
  });
}

function singular(word: string): string {
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  return /[^siu]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word;
}

function roundTime(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
