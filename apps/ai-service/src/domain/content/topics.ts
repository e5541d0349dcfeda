import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContentAnalysis } from '@switchboard/contracts';
import { embedLines, similarity } from './embeddings.ts';
import type { Utterance } from './types.ts';
import { countWords, nounsOf } from './utterances.ts';

type Topic = ContentAnalysis['topics'][number];

interface KnownTopic {
  readonly name: string;
  readonly keywords: RegExp;
  readonly examples: readonly string[];
}

const knownTopics: readonly KnownTopic[] = [
  topic('billing', 'bill|bills|billing|invoice|charged|charge|charges|overcharged|fee|fees|statement', [
    'there is a mistake on my bill',
    'why was i charged twice',
    'i have a question about my invoice',
  ]),
  topic('payment', 'payment|payments|pay|paying|direct debit|card|installment|instalment|bank', [
    'i want to pay by card',
    'my payment did not go through',
  ]),
  topic('refund', 'refund|refunded|money back|reimburse|reimbursement|compensation', [
    'i would like a refund',
    'when do i get my money back',
  ]),
  topic('delivery', 'delivery|deliver|delivered|parcel|package|shipping|shipped|courier|tracking', [
    'where is my parcel',
    'my order has not been delivered yet',
  ]),
  topic('order', 'order|orders|ordered|purchase|bought', [
    'i would like to place an order',
    'i want to change my order',
  ]),
  topic('returns and warranty', 'return|returns|exchange|warranty|guarantee|replacement|faulty|damaged', [
    'i want to return this item',
    'is it still under warranty',
  ]),
  topic(
    'technical problem',
    'error|crash|crashes|crashed|broken|not working|bug|reset|restart|reboot|install|software|update|device|screen',
    ['it does not work and shows an error message', 'the app keeps crashing'],
  ),
  topic(
    'internet and line',
    'internet|wifi|wi-fi|router|broadband|connection|line|outage|signal|network|modem',
    ['my internet is down', 'there is a problem with the line'],
  ),
  topic('appointment', 'appointment|schedule|reschedule|booking|technician|engineer|visit', [
    'we can send a technician on friday',
    'i want to move my appointment',
  ]),
  topic('account access', 'password|login|log in|locked|username|verification code|sign in', [
    'i cannot log in to my account',
    'i forgot my password',
  ]),
  topic('personal details', 'address|postcode|zip code|date of birth|change my name|new number', [
    'i need to change my address',
    'what is the phone number on your account',
  ]),
  topic('cancellation', 'cancel|cancellation|terminate|termination|close my account|leaving', [
    'i want to cancel my contract',
    'please close my account',
  ]),
  topic('contract and tariff', 'contract|tariff|plan|subscription|upgrade|renewal|renew|package deal', [
    'i would like to upgrade my plan',
    'when does my contract end',
  ]),
  topic('price', 'price|prices|expensive|cheaper|discount|offer|cost|costs|quote|paying too much', [
    'that is too expensive for me',
    'can you give me a discount',
  ]),
  topic('insurance claim', 'insurance|claim|claims|policy|accident|coverage|damage report', [
    'i want to report an accident',
    'what is the status of my claim',
  ]),
  topic('complaint', 'complaint|complain|supervisor|manager|unacceptable|escalate', [
    'i want to make a complaint',
    'let me speak to your manager',
  ]),
  topic('product information', 'product|products|features|feature|model|brochure|demo|trial', [
    'can you tell me more about this product',
    'what features does it have',
  ]),
];

/** Words that are nouns to the tagger and no topic to anybody. */
const dullNouns = new Set(
  (
    'thing things way lot bit day time moment minute second hour week month year morning afternoon evening night today tomorrow yesterday people man ' +
    'woman person one okay yeah yes hello hi bye goodbye thank thanks please sorry sir madam name number kind sort help question call customer ' +
    'monday tuesday wednesday thursday friday saturday sunday service support agent good number mister'
  ).split(' '),
);
const topicsMax = 5;

let examplesPromise: Promise<readonly (readonly (readonly number[])[])[]> | undefined;

/**
 * What a call is about: known topics of call centres by words and by nearness in meaning, then the nouns that come up
 * most. Relevance is 0–1 and comparable within one call.
 */
export async function findTopics(
  utterances: readonly Utterance[],
  vectors: readonly (readonly number[])[],
  signal?: AbortSignal,
): Promise<Topic[]> {
  const found: Topic[] = [];
  // The same for every call: made once per process, 170 ms.
  examplesPromise ??= Promise.all(knownTopics.map((known) => embedLines(known.examples)));
  const allExamples = await examplesPromise;
  signal?.throwIfAborted();
  for (const [topicIndex, known] of knownTopics.entries()) {
    const examples = allExamples[topicIndex] ?? [];
    const nearness = vectors
      .filter((_, index) => countWords(utterances[index]?.text ?? '') >= 3)
      .map((vector) => Math.max(...examples.map((example) => similarity(example, vector))))
      .sort((left, right) => right - left);
    const hits = new Map<string, number>();
    for (const utterance of utterances)
      for (const match of utterance.text.toLowerCase().matchAll(known.keywords))
        hits.set(match[0], (hits.get(match[0]) ?? 0) + 1);
    const best = nearness[0] ?? 0;
    const count = [...hits.values()].reduce((sum, hit) => sum + hit, 0);
    const relevance = best * 0.6 + Math.min(0.4, count * 0.13);
    if ((count > 0 && best >= 0.4) || count >= 3 || best >= 0.68)
      found.push({ name: known.name, relevance, keywords: [...hits.keys()].slice(0, 5) });
  }
  found.sort((left, right) => right.relevance - left.relevance || left.name.localeCompare(right.name));
  const topics = found.slice(0, topicsMax);
  const taken = new Set(topics.flatMap((entry) => [...entry.keywords, ...entry.name.split(' ')]));
  for (const [noun, count] of await countNouns(utterances)) {
    if (
      topics.length >= topicsMax ||
      (count < 2 && topics.length >= 2) ||
      (count < 2 && utterances.length > 20)
    )
      break;
    if (!taken.has(noun))
      topics.push({ name: noun, relevance: Math.min(0.5, 0.1 + 0.05 * count), keywords: [noun] });
  }
  return topics.map((entry) => ({
    ...entry,
    relevance: Math.round(Math.min(1, entry.relevance) * 100) / 100,
  }));
}

async function countNouns(utterances: readonly Utterance[]): Promise<[string, number][]> {
  const counts = new Map<string, number>();
  for (const [index, utterance] of utterances.entries()) {
    if (index % 40 === 39) await nextTurn();
    for (const noun of nounsOf(utterance.text))
      if (!dullNouns.has(noun)) counts.set(noun, (counts.get(noun) ?? 0) + 1);
  }
  return [...counts].sort((left, right) => right[1] - left[1] || left[0].localeCompare(right[0]));
}

function topic(name: string, keywords: string, examples: readonly string[]): KnownTopic {
  return { name, keywords: new RegExp(`\\b(?:${keywords})\\b`, 'g'), examples };
}
