import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { embedLines } from '../src/domain/content/embeddings.ts';
import {
  classifySentiment,
  type SentimentLabel,
  sentimentLabels,
  trainSentimentHead,
} from '../src/domain/content/sentiment-head.ts';

/*
 * Trains the sentiment head on assets/sentiment-train.jsonl, prints how it does on the lines it has not seen
 * (assets/sentiment-heldout.jsonl) and writes assets/sentiment-head.json:
 *
 *   node apps/ai-service/scripts/train-sentiment.ts
 *
 * The same lines give the same weights, but for the last digits on another CPU.
 */

const penalties = [0.0003, 0.001, 0.002, 0.005];
const settings = { steps: 400, rate: 2 };

const train = readLines('sentiment-train.jsonl');
const heldout = readLines('sentiment-heldout.jsonl');
const trainVectors = await embedLines(train.map((line) => line.text));
const heldoutVectors = await embedLines(heldout.map((line) => line.text));
const examples = train.map((line, index) => ({ label: line.label, vector: trainVectors[index] ?? [] }));

// The penalty is chosen by five-fold validation on the training lines alone; the held-out lines only measure.
const choices = penalties.map((penalty) => ({ penalty, accuracy: validate(penalty) }));
for (const { penalty, accuracy } of choices)
  console.log(`penalty ${penalty}: ${percent(accuracy)} in five-fold validation`);
const best = choices.reduce((left, right) => (right.accuracy > left.accuracy ? right : left));

const head = {
  version: '1.0.0',
  weights: trainSentimentHead(examples, { ...settings, penalty: best.penalty }),
};
const answers = heldoutVectors.map((vector) => classifySentiment(head, vector));
const right = answers.filter((answer, index) => answer.label === heldout[index]?.label).length;
console.log(`trained on ${train.length} lines with penalty ${best.penalty}`);
console.log(`held-out: ${right} of ${heldout.length} right (${percent(right / heldout.length)})`);
for (const label of sentimentLabels) {
  const truth = heldout.filter((line) => line.label === label).length;
  const said = answers.filter((answer) => answer.label === label).length;
  const both = answers.filter((answer, at) => answer.label === label && heldout[at]?.label === label).length;
  console.log(`  ${label}: recall ${percent(both / truth)}, precision ${percent(both / said)}`);
}
for (const [index, line] of heldout.entries())
  if (answers[index]?.label !== line.label)
    console.log(`  ${line.label} taken for ${answers[index]?.label}: ${line.text}`);

const measured = {
  model: 'use-lite-softmax',
  version: head.version,
  trained_lines: train.length,
  heldout_lines: heldout.length,
  heldout_accuracy: Math.round((right / heldout.length) * 1_000) / 1_000,
};
writeFileSync(
  assetPath('sentiment-head.json'),
  `{ "about": ${JSON.stringify(measured)},\n"version": ${JSON.stringify(head.version)},\n"weights": [\n${head.weights
    .map((row) => JSON.stringify(row))
    .join(',\n')}\n] }\n`,
);

function validate(penalty: number): number {
  let correct = 0;
  for (let fold = 0; fold < 5; fold += 1) {
    const seen = examples.filter((_, index) => index % 5 !== fold);
    const weights = trainSentimentHead(seen, { ...settings, penalty });
    for (const [index, example] of examples.entries())
      if (
        index % 5 === fold &&
        classifySentiment({ version: '', weights }, example.vector).label === example.label
      )
        correct += 1;
  }
  return correct / examples.length;
}

function readLines(name: string): { text: string; label: SentimentLabel }[] {
  return readFileSync(assetPath(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function assetPath(name: string): string {
  return fileURLToPath(new URL(`../assets/${name}`, import.meta.url));
}

function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
