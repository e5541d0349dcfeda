import type { ContentAnalysis } from '@switchboard/contracts';

type Material = Pick<
  ContentAnalysis,
  'agent_speaker' | 'sentiment' | 'questions' | 'objections' | 'next_steps' | 'compliance'
>;

const praise: Readonly<Record<string, string>> = {
  greeting: 'Opened with a greeting',
  identification: 'Said who is speaking',
  recording_notice: 'Announced the recording',
  verification: 'Verified who is calling',
  offer_of_help: 'Offered help at the start',
  empathy: 'Showed understanding',
  closing_check: 'Asked whether anything else is needed',
  goodbye: 'Ended with a proper goodbye',
};
const advice: Readonly<Record<string, string>> = {
  greeting: 'Greet the caller at the start: no greeting was found.',
  identification: 'Say your name and company at the start: no identification was found.',
  recording_notice: 'Tell the caller that the call is recorded: no recording notice was found.',
  closing_check: 'Ask whether anything else is needed before ending the call.',
  goodbye: 'Close with a goodbye: none was found.',
};

/** What went well and what to do better, each grounded in something found at a time in the call. */
export function coach(material: Material): Pick<ContentAnalysis, 'strengths' | 'improvement_points'> {
  const { agent_speaker: agent, sentiment, questions, objections, next_steps: steps, compliance } = material;
  const strengths: string[] = [];
  const points: string[] = [];
  for (const phrase of compliance.phrases) {
    const good = praise[phrase.name];
    const better = advice[phrase.name];
    if (phrase.found && good !== undefined) strengths.push(`${good} (${clock(phrase.at_s ?? 0)}).`);
    else if (!phrase.found && better !== undefined && (phrase.required || phrase.name === 'closing_check'))
      points.push(better);
  }
  const asked = questions.filter((question) => question.speaker !== agent);
  const open = asked.filter((question) => !question.answered);
  if (agent !== null && asked.length > 0 && open.length === 0)
    strengths.push(`Answered every question asked (${asked.length}).`);
  for (const question of open.slice(0, 3))
    points.push(`Answer the question at ${clock(question.at_s)}: "${shorten(question.text)}"`);
  const passed = objections.filter((objection) => !objection.handled);
  if (objections.length > 0 && passed.length === 0)
    strengths.push(`Took up every objection (${objections.length}).`);
  for (const objection of passed.slice(0, 3))
    points.push(
      `Take up the objection at ${clock(objection.at_s)} (${objection.kind}): "${shorten(objection.text)}"`,
    );
  if (
    objections.length > 0 &&
    compliance.phrases.some((phrase) => phrase.name === 'empathy' && !phrase.found)
  )
    points.push('Show understanding when the caller is unhappy: no such words were found.');
  if (steps.some((step) => step.due !== null)) strengths.push('Agreed a next step with a time.');
  else if (steps.length > 0) points.push('Give next steps a time: none of them has one.');
  else points.push('Agree on a next step: none was found.');
  for (const speaker of sentiment.speakers) {
    if (speaker.speaker === agent || sentiment.speakers.length < 2) continue;
    if (speaker.trend === 'improving')
      strengths.push(`${speaker.speaker} sounds more content at the end than at the start.`);
    if (speaker.trend === 'worsening')
      points.push(`${speaker.speaker} sounds less content at the end than at the start.`);
  }
  return { strengths, improvement_points: points };
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

function shorten(text: string): string {
  return text.length <= 90 ? text : `${text.slice(0, 89).trimEnd()}…`;
}
