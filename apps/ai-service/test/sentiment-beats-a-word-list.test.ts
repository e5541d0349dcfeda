import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { embedLines } from '../src/domain/content/embeddings.ts';
import { judgeLine, sentimentModel } from '../src/domain/content/sentiment.ts';
import { sentimentLabels, trainSentimentHead } from '../src/domain/content/sentiment-head.ts';
import { wordListPolarity } from '../src/domain/content/utterances.ts';

const train = readLines('sentiment-train.jsonl');
const heldout = readLines('sentiment-heldout.jsonl');

describe('the sentiment head on lines it was not trained on', async () => {
  const vectors = await embedLines(heldout.map((line) => line.text));
  const right = vectors.filter((vector, index) => judgeLine(vector).label === heldout[index]?.label).length;

  test('is right on nine of ten, as its asset says', () => {
    expect(right / heldout.length).toBeGreaterThanOrEqual(0.88);
    expect(right / heldout.length).toBeCloseTo(sentimentModel.heldout_accuracy, 1);
  });

  test('beats the word list by more than ten points', () => {
    const byWords = heldout.filter(({ text, label }) => {
      const polarity = wordListPolarity(text);
      return (polarity > 0.05 ? 'positive' : polarity < -0.05 ? 'negative' : 'neutral') === label;
    }).length;
    expect(right - byWords).toBeGreaterThan(heldout.length / 10);
  });

  test.each(sentimentLabels)('finds four of five %s lines', (label) => {
    const own = heldout.flatMap((line, index) =>
      line.label === label ? [judgeLine(vectors[index] ?? []).label] : [],
    );
    expect(own.filter((said) => said === label).length / own.length).toBeGreaterThanOrEqual(0.8);
  });
});

test('no held-out line was trained on', () => {
  const known = new Set(train.map((line) => line.text.toLowerCase()));
  expect(heldout.filter((line) => known.has(line.text.toLowerCase()))).toEqual([]);
});

test('both sets are balanced', () => {
  for (const lines of [train, heldout])
    for (const label of sentimentLabels) {
      const share = lines.filter((line) => line.label === label).length / lines.length;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.02);
    }
});

test('case and punctuation change nothing', async () => {
  const [plain, dressed] = await embedLines([
    'thank you so much that helped',
    'Thank you SO much, that helped!',
  ]);
  expect(plain).toEqual(dressed);
});

test('a line without words is neutral', async () => {
  const [vector] = await embedLines(['…!?']);
  expect(judgeLine(vector ?? [])).toMatchObject({ label: 'neutral', polarity: 0 });
});

test('training twice gives the same weights', () => {
  const examples = [
    { vector: [1, 0], label: 'positive' as const },
    { vector: [0, 1], label: 'negative' as const },
    { vector: [0.5, 0.5], label: 'neutral' as const },
  ];
  const options = { steps: 50, rate: 1, penalty: 0.001 };
  expect(trainSentimentHead(examples, options)).toEqual(trainSentimentHead(examples, options));
});

function readLines(name: string): { text: string; label: string }[] {
  return readFileSync(new URL(`../assets/${name}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
