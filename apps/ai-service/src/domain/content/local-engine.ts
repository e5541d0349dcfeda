import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContentAnalysis } from '@switchboard/contracts';
import { coach } from './coaching.ts';
import { embeddingModel, embedLines } from './embeddings.ts';
import { requireEnglish } from './language.ts';
import { findInSegments } from './personal-data/redact-transcript.ts';
import { describeSentiment, judgeLine, judgeSegments, sentimentModel } from './sentiment.ts';
import { summarise } from './summary.ts';
import { checkCompliance, findAgent, findNextSteps, findObjections, findQuestions } from './talk-acts.ts';
import { findTopics } from './topics.ts';
import type { ContentEngine, Engine } from './types.ts';
import { splitUtterances } from './utterances.ts';

const version = '1.0.0';

export const localEngines = {
  extractive: { ...embeddingModel, kind: 'extractive', quality: 'basic', note: null },
  topics: {
    engine: 'switchboard-rules',
    model: embeddingModel.model,
    version,
    kind: 'rules',
    quality: 'basic',
    note: null,
  },
  sentiment: {
    engine: embeddingModel.engine,
    model: sentimentModel.model,
    version: sentimentModel.version,
    kind: 'model',
    quality: 'basic',
    note: `${Math.round(sentimentModel.heldout_accuracy * 100)} % right on ${sentimentModel.heldout_lines} lines it was not trained on`,
  },
  rules: { engine: 'switchboard-rules', model: null, version, kind: 'rules', quality: 'basic', note: null },
  personalData: {
    engine: 'switchboard-personal-data',
    model: 'libphonenumber + compromise',
    version,
    kind: 'rules',
    quality: 'good',
    note: null,
  },
  language: { engine: 'tinyld', model: null, version: '1.3', kind: 'rules', quality: 'good', note: null },
} as const satisfies Record<string, Engine>;

/**
 * The engine that needs no key and no network: sentence embeddings with a trained sentiment head, and rules over what
 * was said. English only. The same segments give the same answer. About 10 ms for each sentence, handing the event
 * loop back every 100 ms or so.
 */
export function createLocalContentEngine(): ContentEngine {
  return { name: 'local', analyse: analyseLocally };
}

const analyseLocally: ContentEngine['analyse'] = async ({
  segments,
  language,
  callType,
  personalData,
  signal,
}) => {
  signal?.throwIfAborted();
  requireEnglish(segments, language);
  const utterances = await splitUtterances(segments, signal);
  const vectors = await embedLines(
    utterances.map((utterance) => utterance.text),
    signal,
  );
  const agent = findAgent(utterances);
  const sentiment = describeSentiment(segments, judgeSegments(segments, utterances, vectors));
  const questions = findQuestions(utterances);
  const objections = findObjections(utterances, agent, (index) => judgeLine(vectors[index] ?? []));
  const nextSteps = findNextSteps(utterances, vectors);
  const compliance = checkCompliance(utterances, agent, callType);
  await nextTurn();
  const topics = await findTopics(utterances, vectors, signal);
  const summary = summarise(utterances, vectors);
  await nextTurn();
  signal?.throwIfAborted();
  const material = {
    agent_speaker: agent,
    sentiment,
    questions,
    objections,
    next_steps: nextSteps,
    compliance,
  };
  const analysis: ContentAnalysis = {
    language: 'en',
    ...material,
    summary,
    topics,
    personal_data: [...(personalData ?? (await findInSegments(segments, signal)))],
    ...coach(material),
    engines: {
      summary: localEngines.extractive,
      topics: localEngines.topics,
      sentiment: localEngines.sentiment,
      questions: localEngines.rules,
      objections: localEngines.rules,
      next_steps: localEngines.rules,
      compliance: localEngines.rules,
      personal_data: localEngines.personalData,
      coaching: localEngines.rules,
      language: localEngines.language,
    },
  };
  return analysis;
};
