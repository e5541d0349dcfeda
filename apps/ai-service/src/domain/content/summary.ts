import type { ContentAnalysis } from '@switchboard/contracts';
import { phaticCue, summaryCue } from './cues.ts';
import { centroid, similarity } from './embeddings.ts';
import type { Utterance } from './types.ts';
import { countWords } from './utterances.ts';

/** How much being new counts against being central (maximal marginal relevance, Carbonell & Goldstein 1998). */
const novelty = 0.35;
const wordsMin = 4;
const wordsMax = 120;

/**
 * Picks the sentences that tell the call best: near the middle of all that was said, with words of problems, wishes
 * and decisions, and unlike one another. Quotes only, in the order they were said.
 */
export function summarise(
  utterances: readonly Utterance[],
  vectors: readonly (readonly number[])[],
): ContentAnalysis['summary'] {
  const candidates = utterances.flatMap((utterance, index) => {
    const words = countWords(utterance.text.replace(phaticCue, ''));
    const vector = vectors[index] ?? [];
    return words >= wordsMin ? [{ utterance, vector, words, weight: 0 }] : [];
  });
  const middle = centroid(candidates.map((candidate) => candidate.vector));
  for (const candidate of candidates) {
    const cue = summaryCue.test(candidate.utterance.text) ? 0.2 : 0;
    const digits = /\[[A-Z]+\]|(?:\b(?:zero|one|two|three|four|five|six|seven|eight|nine)\b[ ,]*){4}/i.test(
      candidate.utterance.text,
    )
      ? 0.3
      : 0;
    const length = Math.min(candidate.words, 12) / 60;
    candidate.weight = similarity(candidate.vector, middle) + cue + length - digits;
  }
  const wanted = Math.min(6, Math.max(2, Math.round(1 + Math.log2(1 + candidates.length))));
  const picked: typeof candidates = [];
  let words = 0;
  while (picked.length < wanted) {
    let best: (typeof candidates)[number] | undefined;
    let bestGain = Number.NEGATIVE_INFINITY;
    for (const candidate of candidates) {
      if (picked.includes(candidate) || words + candidate.words > wordsMax) continue;
      const repeated = Math.max(0, ...picked.map((other) => similarity(other.vector, candidate.vector)));
      const gain = (1 - novelty) * candidate.weight - novelty * repeated;
      if (gain > bestGain) {
        best = candidate;
        bestGain = gain;
      }
    }
    if (best === undefined) break;
    picked.push(best);
    words += best.words;
  }
  const quotes = picked
    .map(({ utterance }) => utterance)
    .sort((left, right) => left.at_s - right.at_s || left.segment - right.segment)
    .map(({ text, speaker, at_s }) => ({ text, speaker, at_s }));
  return { text: tell(quotes), quotes };
}

function tell(quotes: readonly { readonly text: string; readonly speaker: string }[]): string {
  const several = new Set(quotes.map((quote) => quote.speaker)).size > 1;
  let last = '';
  return quotes
    .map(({ text, speaker }) => {
      const sentence = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
      const named = several && speaker !== last ? `${speaker}: ${sentence}` : sentence;
      last = speaker;
      return named;
    })
    .join(' ');
}
