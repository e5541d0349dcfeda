import type { ContentAnalysis, ScorePart, ToneAnalysis } from '@switchboard/contracts';
import { ramp } from '../tone/statistics.ts';
import { weightParts } from './weight-parts.ts';

/**
 * The overall score of a call, 0–10 with one decimal, and the parts it is the weighted mean of:
 *
 *   tone        0.30  score of the tone analysis
 *   sentiment   0.25  the customer's sentiment (everybody's where nobody is known to be the agent): −0.6 is 0, +0.6 is
 *                     10; one point more where it improves over the call, one less where it worsens
 *   compliance  0.20  phrases a call should have
 *   engagement  0.25  mean of: share of questions answered, share of objections taken up, a next step (10 with a time,
 *                     7 without, 4 for none)
 *
 * Without a content analysis (`tone_only`) the score is that of the tone alone.
 */
export function scoreCall(
  tone: ToneAnalysis,
  content: ContentAnalysis | null,
): { overall_score: number; score_parts: ScorePart[] } {
  const { score, parts } = weightParts([
    { name: 'tone', score: tone.score, weight: 0.3 },
    { name: 'sentiment', score: content === null ? null : scoreSentiment(content), weight: 0.25 },
    { name: 'compliance', score: content?.compliance.score ?? null, weight: 0.2 },
    { name: 'engagement', score: content === null ? null : scoreEngagement(content), weight: 0.25 },
  ]);
  return { overall_score: score, score_parts: parts };
}

function scoreSentiment({ sentiment, agent_speaker: agent }: ContentAnalysis): number {
  const customers = agent === null ? [] : sentiment.speakers.filter((speaker) => speaker.speaker !== agent);
  const judged = customers.length === 0 ? [sentiment] : customers;
  const points = judged.map(
    ({ score, trend }) =>
      ramp(score, -0.6, 0, 0.6, 10) + (trend === 'improving' ? 1 : trend === 'worsening' ? -1 : 0),
  );
  return points.reduce((sum, value) => sum + value, 0) / points.length;
}

function scoreEngagement({ questions, objections, next_steps: steps }: ContentAnalysis): number {
  const points = [steps.some((step) => step.due !== null) ? 10 : steps.length > 0 ? 7 : 4];
  if (questions.length > 0)
    points.push((10 * questions.filter((question) => question.answered).length) / questions.length);
  if (objections.length > 0)
    points.push((10 * objections.filter((objection) => objection.handled).length) / objections.length);
  return points.reduce((sum, value) => sum + value, 0) / points.length;
}
