import { describe, expect, test } from 'vitest';
import { createLocalContentEngine } from '../src/domain/content/local-engine.ts';
import { scoreCall } from '../src/domain/score/score-call.ts';
import { weightParts } from '../src/domain/score/weight-parts.ts';
import { analyseTone } from '../src/domain/tone/analyse-tone.ts';
import { readRecording } from './helpers/make-voice.ts';
import { makeCall, supportCall } from './helpers/support-call.ts';

const tone = await analyseTone({ channels: readRecording('support-call'), sampleRate: 16_000 });
const analyse = async (segments: ReturnType<typeof makeCall>) =>
  createLocalContentEngine().analyse({ segments, language: null, callType: 'support' });

test('with tone and content: four parts, weights that add up to one, one decimal', async () => {
  const { overall_score, score_parts } = scoreCall(tone, await analyse(supportCall()));
  expect(score_parts.map((part) => part.name)).toEqual(['tone', 'sentiment', 'compliance', 'engagement']);
  expect(score_parts.reduce((sum, part) => sum + part.weight, 0)).toBeCloseTo(1, 6);
  const mean = score_parts.reduce((sum, part) => sum + part.weight * part.score, 0);
  expect(overall_score).toBe(Math.round(mean * 10) / 10);
});

test('of tone alone it is the tone’s score', () => {
  expect(scoreCall(tone, null)).toEqual({
    overall_score: tone.score,
    score_parts: [{ name: 'tone', score: tone.score, weight: 1 }],
  });
});

test('a call that goes badly scores lower than one that goes well', async () => {
  const bad = makeCall([
    ['agent', 'What.'],
    ['customer', 'Nobody called me back, this is completely unacceptable and your service is terrible.'],
    ['agent', 'What is your name?'],
    ['customer', 'Why does nobody ever help me? I want to cancel my contract.'],
  ]);
  const good = scoreCall(tone, await analyse(supportCall())).overall_score;
  expect(scoreCall(tone, await analyse(bad)).overall_score).toBeLessThan(good - 2);
});

describe('parts', () => {
  test('that are not known leave their weight to the others', () => {
    expect(
      weightParts([
        { name: 'a', score: 8, weight: 0.3 },
        { name: 'b', score: null, weight: 0.4 },
        { name: 'c', score: 4, weight: 0.3 },
      ]),
    ).toEqual({
      score: 6,
      parts: [
        { name: 'a', score: 8, weight: 0.5 },
        { name: 'c', score: 4, weight: 0.5 },
      ],
    });
  });

  test('have weights that add up to one where rounding would make them more or less', () => {
    for (const known of [
      [0.25, 0.2, 0.1, 0.1],
      [1, 1, 1],
      [1, 1, 1, 1, 1, 1, 1],
    ]) {
      const { parts } = weightParts(known.map((weight, index) => ({ name: `${index}`, score: 5, weight })));
      expect(parts.reduce((sum, part) => sum + part.weight, 0)).toBeCloseTo(1, 9);
    }
  });

  test('outside 0–10 are cut, and what is no number is left out', () => {
    expect(
      weightParts([
        { name: 'a', score: 14, weight: 1 },
        { name: 'b', score: Number.NaN, weight: 1 },
      ]),
    ).toEqual({
      score: 10,
      parts: [{ name: 'a', score: 10, weight: 1 }],
    });
    expect(weightParts([])).toEqual({ score: 0, parts: [] });
  });
});
