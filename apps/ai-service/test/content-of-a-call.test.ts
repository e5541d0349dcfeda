import { type ContentAnalysis, contentAnalysisSchema, type TranscriptSegment } from '@switchboard/contracts';
import { describe, expect, test } from 'vitest';
import { createLocalContentEngine } from '../src/domain/content/local-engine.ts';
import { redactTranscript } from '../src/domain/content/personal-data/redact-transcript.ts';
import { isQuestion } from '../src/domain/content/talk-acts.ts';
import { LanguageUnsupportedError } from '../src/domain/content/types.ts';
import { splitUtterances } from '../src/domain/content/utterances.ts';
import { makeCall, supportCall } from './helpers/support-call.ts';

const engine = createLocalContentEngine();

describe.each(['written', 'recognised'] as const)('the bundled support call, %s', async (style) => {
  const content = await analyse(supportCall(style));

  test('is told by quotes of what matters', () => {
    const words = content.summary.text.toLowerCase();
    expect(words).toContain('my internet has been down since yesterday morning');
    expect(words).toContain('we can come tomorrow');
    expect(words).not.toContain('four one five');
    for (const quote of content.summary.quotes)
      expect(supportCall(style).some((segment) => segment.text.includes(quote.text))).toBe(true);
  });

  test('is about the line first of all', () => {
    expect(content.topics[0]).toMatchObject({ name: 'internet and line', keywords: ['internet', 'line'] });
  });

  test('knows the agent', () => expect(content.agent_speaker).toBe('agent'));

  test('has the agent’s question with its time and the customer’s answer', () => {
    const question = content.questions.find((entry) => /how can i help you/i.test(entry.text));
    expect(question).toMatchObject({ speaker: 'agent', answered: true });
    expect(question?.answer?.toLowerCase()).toContain('my internet has been down');
  });

  test('has the question that follows words of regret', () => {
    const question = content.questions.find((entry) => /^what is the phone number/i.test(entry.text));
    expect(question).toMatchObject({ speaker: 'agent', answered: true });
  });

  test('has the two objections of the customer, both taken up', () => {
    expect(content.objections.map(({ kind, speaker, handled }) => ({ kind, speaker, handled }))).toEqual([
      { kind: 'timing', speaker: 'customer', handled: true },
      { kind: 'price', speaker: 'customer', handled: true },
    ]);
  });

  test('has next steps with their time', () => {
    expect(content.next_steps.map((step) => step.due?.toLowerCase() ?? null)).toEqual([
      'next friday',
      'tomorrow',
      null,
    ]);
  });

  test('has a greeting and a goodbye, and no recording notice', () => {
    const found = content.compliance.phrases.filter((phrase) => phrase.found).map((phrase) => phrase.name);
    expect(found).toEqual(
      expect.arrayContaining(['greeting', 'verification', 'offer_of_help', 'empathy', 'goodbye']),
    );
    expect(found).not.toContain('recording_notice');
    expect(content.improvement_points.join(' ')).toContain('recording');
    expect(content.strengths.join(' ')).toContain('greeting');
  });

  test('has one phone number, to the letter', () => {
    expect(content.personal_data).toHaveLength(1);
    const [finding] = content.personal_data;
    const text = supportCall(style)[finding?.segment ?? 0]?.text ?? '';
    expect(finding?.kind).toBe('phone');
    expect(text.slice(finding?.start, finding?.end).replace(/,/g, '')).toBe(
      'four one five five five five zero one four two',
    );
  });

  test('ends in a better mood than the complaint in its middle', () => {
    const [, complaint, , , , objection, , thanks] = content.sentiment.segments;
    expect(complaint?.score).toBeLessThan(0);
    expect(objection?.score).toBeLessThan(0);
    expect(thanks?.label).toBe('positive');
    expect(content.sentiment.segments).toHaveLength(supportCall(style).length);
  });
});

test('no part claims to be a language model, and each says what it is', async () => {
  const { engines } = await analyse(supportCall());
  expect(engines.summary.kind).toBe('extractive');
  expect(engines.sentiment.kind).toBe('model');
  expect(engines.compliance.kind).toBe('rules');
  expect(engines.sentiment.note).toMatch(/not trained on/);
});

test('the same segments give the same answer', async () => {
  expect(await analyse(supportCall())).toEqual(await analyse(supportCall()));
});

test('an angry call that nobody takes care of gets advice that says when', async () => {
  const content = await analyse(
    makeCall([
      ['speaker_1', 'Hello, this is billing.'],
      ['speaker_2', 'This is the third time I am calling, I was charged twice and nobody called me back.'],
      ['speaker_1', 'What is your account number?'],
      ['speaker_2', 'Why was I charged twice? This is completely unacceptable.'],
      ['speaker_1', 'Is it the blue form?'],
      ['speaker_2', 'I want to cancel my contract, your service is terrible.'],
    ]),
  );
  expect(content.sentiment.speakers.find((speaker) => speaker.speaker === 'speaker_2')?.label).toBe(
    'negative',
  );
  expect(content.objections.map((objection) => objection.kind)).toContain('cancellation');
  expect(content.objections.every((objection) => !objection.handled)).toBe(true);
  expect(content.improvement_points.join(' ')).toMatch(/0:15 \(cancellation\)/);
  expect(content.topics.map((topic) => topic.name)).toContain('billing');
});

test('one voice alone has no agent, and nothing breaks', async () => {
  const content = await analyse([
    { start_s: 0, end_s: 4, speaker: 'speaker_1', text: 'hello can you hear me' },
  ]);
  expect(content).toMatchObject({ agent_speaker: null, objections: [], next_steps: [] });
});

test.each([{ segments: [] }, { segments: [{ start_s: 0, end_s: 0, speaker: 'a', text: '' }] }])(
  'nothing said is nothing found',
  async ({ segments }) => {
    const content = await analyse(segments);
    expect(content).toMatchObject({ summary: { text: '', quotes: [] }, topics: [], questions: [] });
    expect(content.sentiment).toMatchObject({ label: 'neutral', score: 0, trend: 'steady' });
  },
);

test('an hour in one segment without a full stop is still told in short quotes', async () => {
  const words =
    'my internet is down and the router shows a red light so i called but nobody answered and then i went to the shop because they said it is broken ';
  const content = await analyse([{ start_s: 0, end_s: 1_400, speaker: 'a', text: words.repeat(100) }]);
  for (const quote of content.summary.quotes) expect(quote.text.split(' ').length).toBeLessThanOrEqual(40);
  expect(content.topics[0]?.name).toBe('internet and line');
});

test('of masked segments no part holds what was masked', async () => {
  const segments = supportCall();
  const redacted = await redactTranscript({
    transcript: segments.map((segment) => segment.text).join(' '),
    segments,
  });
  const content = contentAnalysisSchema.parse(
    await engine.analyse({
      segments: redacted.segments,
      personalData: redacted.personalData,
      language: null,
      callType: 'support',
    }),
  );
  expect(JSON.stringify([content, redacted])).not.toMatch(/four one five|zero one four two/);
  expect(content.personal_data).toMatchObject([{ kind: 'phone', segment: 3 }]);
});

describe('language', () => {
  test.each([
    ['es', 'hola quiero saber donde esta mi pedido por favor porque no ha llegado todavia'],
    ['de', 'guten tag ich möchte wissen wann meine bestellung endlich geliefert wird'],
    ['fr', 'bonjour je voudrais savoir pourquoi ma facture est plus élevée ce mois ci'],
    ['ja', 'もしもし、注文した商品がまだ届いていないのですが、確認していただけますか'],
  ])('%s is named in a typed error, not analysed as English', async (language, text) => {
    const work = analyse([{ start_s: 0, end_s: 5, speaker: 'a', text }]);
    await expect(work).rejects.toBeInstanceOf(LanguageUnsupportedError);
    await expect(work).rejects.toMatchObject({ code: 'LANGUAGE_UNSUPPORTED', language });
  });

  test.each(['so i was calling about my order', 'uh yeah okay', 'the line the router and the bill of it'])(
    'English as it is spoken passes: %s',
    async (text) => {
      expect((await analyse([{ start_s: 0, end_s: 5, speaker: 'a', text }])).language).toBe('en');
    },
  );
});

describe('questions', () => {
  test.each([
    'How can I help you?',
    'so what is your date of birth',
    'which browser are you using',
    'can you spell that for me',
    'who am i speaking with',
    'how long does it take',
    'i was wondering if you could move the date',
  ])('asks: %s', (text) => expect(isQuestion(text)).toBe(true));

  test.each([
    'when the line is down we send someone',
    'what a nice surprise',
    'how much there might be prudently in his power',
    'had he married a more amiable woman he might have been respectable',
    'I can see your account here.',
    'what you said was right',
  ])('tells: %s', (text) => expect(isQuestion(text)).toBe(false));

  test('are cut out of a long run of words without punctuation', async () => {
    const [segment] = makeCall([
      ['a', 'good morning thank you for calling customer support how can i help you'],
    ]);
    expect(
      (await splitUtterances(segment === undefined ? [] : [segment])).map((utterance) => utterance.text),
    ).toEqual(['good morning thank you for calling customer support', 'how can i help you']);
  });
});

test('an abort ends the work with its reason', async () => {
  const signal = AbortSignal.abort(new Error('cancelled by the partner'));
  const work = engine.analyse({ segments: supportCall(), language: null, callType: 'support', signal });
  await expect(work).rejects.toThrow('cancelled by the partner');
});

async function analyse(segments: TranscriptSegment[]): Promise<ContentAnalysis> {
  return contentAnalysisSchema.parse(await engine.analyse({ segments, language: null, callType: 'support' }));
}
