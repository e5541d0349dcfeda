import { setImmediate as nextTurn } from 'node:timers/promises';
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
const sentenceWordsMax = 40;
const stretchCharsMax = 1_500;
/** Up to that many characters, ending with a sentence where there is one, else with a word. */
const stretches = /[\s\S]{500,1500}[.!?](?=\s)|[\s\S]{500,1500}(?=\s)|[\s\S]{1,1500}/g;
const endlessWords = 24;
/** "How many times | do I have to": a question of a few words that lacks its verb. */
const asksOn = /\b(?:what|how|which|whose)(?: \w+){1,2}$/i;
/** "What can I", "if you can", "I think we can": the words before hold the clause together. */
const holdsOn =
  /(?:\b(?:what|how|when|where|why|who|which|if|whether|that|and|or|but|so|the|a|to|as|than|because|while|since|until|after|before|like|for|of|in|with|about|i|we|you|they|he|she|it|me|us|think|thought|say|said|says|know|guess|hope|sure|believe|see|hear|told|mean|wish|feel|glad|afraid|is|was|very|much|else|everything|anything|all)|,)$/i;
/** "Sorry to hear that": the last word stands for what was said, and nothing hangs on it. */
const isComplete = /\b(?:to hear|about|for|with) (?:that|it|this)$/i;

/** Cuts segments into sentences, and long unpunctuated ones into clauses; times are shared out by length. */
export async function splitUtterances(
  segments: readonly TranscriptSegment[],
  signal?: AbortSignal,
): Promise<Utterance[]> {
  const utterances: Utterance[] = [];
  for (const [index, segment] of segments.entries()) {
    const pieces: string[] = [];
    for (const stretch of cutStretches(segment.text)) {
      pieces.push(...splitText(stretch));
      if (stretch !== segment.text) await nextTurn();
    }
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const seconds = Math.max(0, segment.end_s - segment.start_s);
    let before = 0;
    for (const text of pieces) {
      const at = segment.start_s + (before / total) * seconds;
      before += text.length;
      const end = segment.start_s + (before / total) * seconds;
      const { speaker } = segment;
      utterances.push({ text, speaker, at_s: roundTime(at), end_s: roundTime(end), segment: index });
    }
    // A segment takes up to a millisecond.
    if (index % 40 === 39) await nextTurn();
    signal?.throwIfAborted();
  }
  return utterances;
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

/** The tagger's time grows faster than its text: a whole call in one segment goes to it in stretches. */
function cutStretches(text: string): string[] {
  return text.length <= stretchCharsMax ? [text] : (text.match(stretches) ?? [text]);
}

function splitText(text: string): string[] {
  const sentences: string[] = wink.readDoc(text).sentences().out();
  return sentences.flatMap((sentence) => {
    const trimmed = sentence.trim();
    const words = countWords(trimmed);
    if (words === 0) return [];
    // Whoever writes commas writes full stops too: such a sentence is one, unless it never ends.
    const punctuated = /[,;:?!]/.test(trimmed.slice(0, -1)) && words <= sentenceWordsMax;
    return words < cutWordsMin || punctuated ? [trimmed] : cutClauses(trimmed).flatMap(cutEndless);
  });
}

function cutClauses(sentence: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of sentence.matchAll(clauseOpening)) {
    const before = sentence.slice(from, match.index);
    const after = sentence.slice(match.index + match[0].length, match.index + match[0].length + 60);
    if (countWords(before) < pieceWordsMin || countWords(after) < pieceWordsMin) continue;
    if ((holdsOn.test(before) && !isComplete.test(before)) || asksOn.test(before)) continue;
    pieces.push(before.trim());
    from = match.index + match[0].length;
  }
  return [...pieces, sentence.slice(from).trim()];
}

function cutEndless(clause: string): string[] {
  const words = clause.split(/\s+/);
  if (words.length <= sentenceWordsMax) return [clause];
  const pieces: string[] = [];
  let piece: string[] = [];
  for (const word of words) {
    const opens = piece.length >= endlessWords / 2 && /^(?:and|but|so|because|then)$/i.test(word);
    if (opens || piece.length >= endlessWords) {
      pieces.push(piece.join(' '));
      piece = [];
    }
    piece.push(word);
  }
  return [...pieces, piece.join(' ')];
}

function singular(word: string): string {
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  return /[^siu]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word;
}

function roundTime(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
