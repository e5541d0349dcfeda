import type { ScorePart } from '@switchboard/contracts';
import { weightParts } from '../score/weight-parts.ts';
import { ramp } from './statistics.ts';

export interface ToneMeasures {
  readonly minutes: number;
  readonly speechSeconds: number;
  readonly silenceShare: number;
  readonly longSilences: number;
  readonly raisedSeconds: number;
  readonly syllablesPerSecond: number | null;
  readonly pitchRangeSemitones: number | null;
  /** null with one channel. */
  readonly interruptionsPerMinute: number | null;
  readonly largestTalkShare: number | null;
}

/**
 * Parts of the tone score, each 0–10:
 *
 *   composure    0.25  seconds of raised voice for each minute of speech: none 10, 6 or more 2
 *   turn_taking  0.20  interruptions a minute: up to one in four minutes 10, four or more 0
 *   balance      0.15  talk share of whoever talks most: up to 65 % 10, all 1
 *   flow         0.20  silence share: up to 30 % 10, 80 % or more 1; half a point less for each silence over 6 s
 *   pace         0.10  syllables a second: 2.8–5.5 is 10, 1.5 or 8 is 2
 *   liveliness   0.10  pitch range: 5 semitones and more 10, a monotone voice 3
 *
 * With one channel turn-taking and balance are unknown, and with too little speech pace and liveliness; the weights of
 * the rest are scaled to 1. Without speech there is one part, and it is 0.
 */
export function scoreTone(measures: ToneMeasures): { score: number; parts: ScorePart[] } {
  if (measures.speechSeconds < 1) return weightParts([{ name: 'speech', score: 0, weight: 1 }]);
  const raised = measures.raisedSeconds / (measures.speechSeconds / 60);
  const rate = measures.syllablesPerSecond;
  const pace = rate === null ? null : Math.min(ramp(rate, 1.5, 2, 2.8, 10), ramp(rate, 5.5, 10, 8, 2));
  const range = measures.pitchRangeSemitones;
  return weightParts([
    { name: 'composure', weight: 0.25, score: ramp(raised, 0, 10, 6, 2) },
    {
      name: 'turn_taking',
      weight: 0.2,
      score:
        measures.interruptionsPerMinute === null
          ? null
          : ramp(measures.interruptionsPerMinute, 0.25, 10, 4, 0),
    },
    {
      name: 'balance',
      weight: 0.15,
      score: measures.largestTalkShare === null ? null : ramp(measures.largestTalkShare, 0.65, 10, 1, 1),
    },
    {
      name: 'flow',
      weight: 0.2,
      score: ramp(measures.silenceShare, 0.3, 10, 0.8, 1) - 0.5 * measures.longSilences,
    },
    { name: 'pace', weight: 0.1, score: pace },
    { name: 'liveliness', weight: 0.1, score: range === null ? null : ramp(range, 1, 3, 5, 10) },
  ]);
}
