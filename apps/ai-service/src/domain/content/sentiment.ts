import type { ContentAnalysis, TranscriptSegment } from '@switchboard/contracts';
import head from '../../../assets/sentiment-head.json' with { type: 'json' };
import { classifySentiment, type Sentiment, sentimentOf } from './sentiment-head.ts';
import type { Utterance } from './types.ts';
import { countWords } from './utterances.ts';

type SentimentResult = ContentAnalysis['sentiment'];
type Label = SentimentResult['label'];
type Trend = SentimentResult['trend'];

export const sentimentModel = head.about;
/** Below this a call or a speaker is neither happy nor unhappy. */
const neutralPolarity = 0.15;
const trendPolarity = 0.2;

export interface SegmentSentiment {
  readonly label: Label;
  readonly score: number;
  readonly confidence: number;
}

/** Sentiment of one line by the trained head. */
export function judgeLine(vector: readonly number[]): Sentiment {
  return classifySentiment(head, vector);
}

/** Sentiment of each segment: its sentences', weighted by their words. */
export function judgeSegments(
  segments: readonly TranscriptSegment[],
  utterances: readonly Utterance[],
  vectors: readonly (readonly number[])[],
): SegmentSentiment[] {
  const sums = segments.map(() => ({ words: 0, chances: [0, 0, 0] }));
  for (const [index, utterance] of utterances.entries()) {
    const sum = sums[utterance.segment];
    if (sum === undefined) continue;
    const words = countWords(utterance.text);
    const { chances } = judgeLine(vectors[index] ?? []);
    sum.words += words;
    sum.chances = sum.chances.map((chance, at) => chance + words * (chances[at] ?? 0));
  }
  return sums.map(({ words, chances }) => {
    const { label, polarity, confidence } =
      words === 0 ? sentimentOf([0, 1, 0]) : sentimentOf(chances.map((chance) => chance / words));
    return { label, score: polarity, confidence };
  });
}

/** Adds up the segments' sentiment, weighted by their length in time: overall, over time, for each speaker. */
export function describeSentiment(
  segments: readonly TranscriptSegment[],
  judged: readonly SegmentSentiment[],
): SentimentResult {
  const all = segments.map((segment, index) => ({ segment, score: judged[index]?.score ?? 0 }));
  const speakers = [...new Set(segments.map((segment) => segment.speaker))];
  const score = meanOf(all);
  const change = changeOf(all);
  return {
    label: labelOf(score),
    score: round(score),
    trend: trendOf(change),
    trend_change: round(change),
    segments: segments.map((segment, index) => ({
      start_s: segment.start_s,
      end_s: segment.end_s,
      speaker: segment.speaker,
      label: judged[index]?.label ?? 'neutral',
      score: round(judged[index]?.score ?? 0),
      confidence: round(judged[index]?.confidence ?? 0),
    })),
    speakers: speakers.map((speaker) => {
      const own = all.filter(({ segment }) => segment.speaker === speaker);
      return {
        speaker,
        label: labelOf(meanOf(own)),
        score: round(meanOf(own)),
        trend: trendOf(changeOf(own)),
      };
    }),
  };
}

type Scored = { readonly segment: TranscriptSegment; readonly score: number };

function meanOf(scored: readonly Scored[]): number {
  let sum = 0;
  let weight = 0;
  for (const { segment, score } of scored) {
    const seconds = Math.max(0.1, segment.end_s - segment.start_s);
    sum += score * seconds;
    weight += seconds;
  }
  return weight === 0 ? 0 : sum / weight;
}

/** Second half minus first half, of the segments in order of time. */
function changeOf(scored: readonly Scored[]): number {
  if (scored.length < 2) return 0;
  const half = Math.ceil(scored.length / 2);
  return meanOf(scored.slice(half)) - meanOf(scored.slice(0, half));
}

function labelOf(score: number): Label {
  return score >= neutralPolarity ? 'positive' : score <= -neutralPolarity ? 'negative' : 'neutral';
}

function trendOf(change: number): Trend {
  return change >= trendPolarity ? 'improving' : change <= -trendPolarity ? 'worsening' : 'steady';
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000 + 0;
}
