import type { ContentAnalysis } from '@switchboard/contracts';
import {
  agentCue,
  complianceRules,
  customerCue,
  dueCue,
  handlingCue,
  nextStepCue,
  noStepCue,
  objectionCues,
} from './cues.ts';
import { similarity } from './embeddings.ts';
import type { Sentiment } from './sentiment-head.ts';
import type { Utterance } from './types.ts';
import { countWords } from './utterances.ts';

const openers =
  /^(?:(?:and|so|but|okay|ok|well|um|uh|er|oh|yeah|yes|no|now|then|right|sorry|hello|hi|please|also|all right|alright|great|thanks|thank you)\b[,.]?\s+)*/i;
/** Without a question mark a verb must follow at once: "when can we" asks, "when the line is down" tells. */
const verbs = '(?:is|are|was|were|am|do|does|did|can|could|will|would|should|shall|may|might|has|have|had)';
const people =
  '(?:you|i|we|they|he|she|it|that|there|this|these|those|the|my|your|our|anyone|anybody|someone|somebody)';
const directQuestion = new RegExp(
  `^(?:(?:what|when|where|who|how)'s\\b|(?:what|how) about\\b|` +
    `(?:what|when|where|who|whose|which|why|how)\\s+(?:(?:much|many|long|far|often|soon|old|kind of|sort of|type of)\\s+)?(?:(?!${people}\\b)\\w+\\s+)?${verbs}\\b|` +
    `(?:(?!had\\b|might\\b|am\\b)${verbs}|isn't|aren't|don't|doesn't|didn't|can't|couldn't|won't|wouldn't|haven't)\\s+${people}\\b)`,
  'i',
);
const indirectQuestion =
  /\b(?:(?:could|can|would) you (?:please )?(?:tell|explain|confirm|repeat|spell)|i(?:'d| would) like to know|i (?:was|am|'m) (?:just )?wondering|do you (?:know|have any idea))\b/i;

/** Wanting to leave is an objection to talk about, not a step agreed on. */
const cancellation = objectionCues.find((entry) => entry.kind === 'cancellation');
const answerSeconds = 20;
const handlingSeconds = 30;
/** So sure must the sentiment be before words without a cue count as a complaint, or a cue does not. */
const sureNegative = 0.9;
const surePositive = 0.7;

/** Who speaks for the company, told by what is said; null with one speaker or when nothing tells. */
export function findAgent(utterances: readonly Utterance[]): string | null {
  const speakers = [...new Set(utterances.map((utterance) => utterance.speaker))];
  if (speakers.length < 2) return null;
  const named = speakers.filter((speaker) => /^agent\b/i.test(speaker));
  if (named.length === 1) return named[0] ?? null;
  const scores = speakers.map((speaker) => {
    const text = utterances
      .filter((entry) => entry.speaker === speaker)
      .map((entry) => entry.text)
      .join('. ');
    return { speaker, score: (text.match(agentCue)?.length ?? 0) - (text.match(customerCue)?.length ?? 0) };
  });
  scores.sort((left, right) => right.score - left.score);
  const [first, second] = scores;
  return first !== undefined && second !== undefined && first.score > second.score ? first.speaker : null;
}

export function isQuestion(text: string): boolean {
  if (/\?\s*$/.test(text)) return true;
  if (/[.!]\s*$/.test(text) && !indirectQuestion.test(text)) return false;
  const start = text.replace(openers, '');
  if (countWords(start) < 2) return false;
  return directQuestion.test(start) || indirectQuestion.test(text);
}

/** Questions, and whether the other answered: said something that is not a question soon after. */
export function findQuestions(utterances: readonly Utterance[]): ContentAnalysis['questions'] {
  const alone = new Set(utterances.map((utterance) => utterance.speaker)).size < 2;
  return utterances.flatMap((utterance, index) => {
    if (!isQuestion(utterance.text)) return [];
    const answers = utterances
      .slice(index + 1)
      .filter(
        (later) =>
          (alone || later.speaker !== utterance.speaker) &&
          later.at_s - utterance.end_s <= answerSeconds &&
          !isQuestion(later.text),
      );
    // "Hello." is not what a supervisor wants to read as the answer when more was said.
    const answer = answers.find((later) => countWords(later.text) >= 3) ?? answers[0];
    const { text, speaker, at_s } = utterance;
    return [
      {
        text,
        speaker,
        at_s,
        answered: answer !== undefined,
        answer: answer?.text ?? null,
        answered_at_s: answer?.at_s ?? null,
      },
    ];
  });
}

/** What the customer holds against the offer, the company or the service, and whether the agent took it up. */
export function findObjections(
  utterances: readonly Utterance[],
  agent: string | null,
  judge: (index: number) => Sentiment,
): ContentAnalysis['objections'] {
  return utterances.flatMap((utterance, index) => {
    if (utterance.speaker === agent) return [];
    const cue = objectionCues.find((entry) => entry.cue.test(utterance.text));
    const { label, confidence } = judge(index);
    // "I have never been disappointed" has the word and not the meaning.
    if (cue?.kind === 'complaint' && label === 'positive' && confidence >= surePositive) return [];
    const strong = label === 'negative' && confidence >= sureNegative && countWords(utterance.text) >= 5;
    if (cue === undefined && (!strong || isQuestion(utterance.text))) return [];
    const handled = utterances
      .slice(index + 1)
      .some(
        (later) =>
          (agent === null ? later.speaker !== utterance.speaker : later.speaker === agent) &&
          later.at_s - utterance.end_s <= handlingSeconds &&
          handlingCue.test(later.text),
      );
    const { text, speaker, at_s } = utterance;
    return [{ text, speaker, at_s, kind: cue?.kind ?? 'complaint', handled }];
  });
}

/** Promises and requests that outlive the call, with what was said of their time. Near repeats count once. */
export function findNextSteps(
  utterances: readonly Utterance[],
  vectors: readonly (readonly number[])[],
): ContentAnalysis['next_steps'] {
  const taken: (readonly number[])[] = [];
  return utterances.flatMap((utterance, index) => {
    const vector = vectors[index] ?? [];
    if (!nextStepCue.test(utterance.text) || noStepCue.test(utterance.text)) return [];
    if (cancellation?.cue.test(utterance.text)) return [];
    if (isQuestion(utterance.text) && !/\bplease\b/i.test(utterance.text)) return [];
    if (taken.some((other) => similarity(other, vector) > 0.9)) return [];
    taken.push(vector);
    const { text, speaker, at_s } = utterance;
    return [{ text, speaker, at_s, due: dueCue.exec(text)?.[0].trim() ?? null }];
  });
}

/**
 * Phrases a call should have, found or missing. Score: a required phrase counts twice an optional one; consent counts
 * only where the recording was announced.
 */
export function checkCompliance(
  utterances: readonly Utterance[],
  agent: string | null,
  callType: string,
): ContentAnalysis['compliance'] {
  const length = Math.max(0, ...utterances.map((utterance) => utterance.end_s));
  const phrases = complianceRules.map(({ name, required, requiredFor, cue, by, from, to }) => {
    const hit = utterances.find(
      (utterance) =>
        cue.test(utterance.text) &&
        // The first half minute is the start of any call, however short.
        (utterance.at_s <= to * length || (from === 0 && utterance.at_s <= 30)) &&
        utterance.end_s >= from * length &&
        (agent === null || by === 'anyone' || (by === 'agent') === (utterance.speaker === agent)),
    );
    return {
      name,
      found: hit !== undefined,
      required: required || (requiredFor?.test(callType) ?? false),
      text: hit?.text ?? null,
      speaker: hit?.speaker ?? null,
      at_s: hit?.at_s ?? null,
    };
  });
  const announced = phrases.some((phrase) => phrase.name === 'recording_notice' && phrase.found);
  let reached = 0;
  let possible = 0;
  for (const phrase of phrases) {
    if (phrase.name === 'consent' && !announced) continue;
    const points = phrase.required ? 2 : 1;
    possible += points;
    if (phrase.found) reached += points;
  }
  return { score: Math.round((reached / possible) * 100) / 10, phrases };
}
