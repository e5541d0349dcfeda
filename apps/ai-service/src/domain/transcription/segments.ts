import type { EngineDescriptor } from '@switchboard/contracts';
import { AnalysisFailure } from '../analysis/types.ts';
import { readRms } from './speech-pieces.ts';
import type { TranscribedSegment, Transcription, TranscriptionInput } from './types.ts';

/** What a recogniser found in one channel; times from the start of the recording. */
export interface ChannelText {
  readonly channel: number;
  readonly start_s: number;
  readonly end_s: number;
  readonly text: string;
  readonly confidence?: number;
}

const rate = 16_000;
/** Two channels that say nearly the same at the same time: one hears the other. */
const echoOverlap = 0.5;
const echoLikeness = 0.7;
const echoWordsMin = 3;

/** Channel 0 of two is the agent, channel 1 the customer; one channel is just a speaker. */
export function nameSpeaker(channel: number, channels: number): string {
  if (channels === 1) return 'speaker';
  return channel === 0 ? 'agent' : 'customer';
}

/** Puts what was found in order, leaves echoes out and writes the transcript. */
export function finishTranscription(
  input: TranscriptionInput,
  found: readonly ChannelText[],
  language: string,
  engine: EngineDescriptor,
): Transcription {
  const durationSeconds = (input.channels[0]?.length ?? 0) / rate;
  const texts = found
    .map((piece) => ({
      ...piece,
      text: piece.text.replace(/\s+/g, ' ').trim(),
      start_s: clamp(piece.start_s, durationSeconds),
      end_s: clamp(Math.max(piece.start_s, piece.end_s), durationSeconds),
    }))
    .filter(({ text }) => /[\p{L}\p{N}]/u.test(text))
    .sort((left, right) => left.start_s - right.start_s || left.channel - right.channel);
  const segments: TranscribedSegment[] = texts
    .filter((piece) => !texts.some((other) => isEchoOf(input.channels, piece, other)))
    .map(({ channel, start_s, end_s, text, confidence }) => ({
      start_s,
      end_s,
      speaker: nameSpeaker(channel, input.channels.length),
      text,
      ...(confidence === undefined ? {} : { confidence: Math.round(confidence * 1_000) / 1_000 }),
    }));
  const transcript = segments.map(({ speaker, text }) => `${speaker}: ${text}`).join('\n');
  return { segments, transcript, language, engine };
}

function clamp(seconds: number, durationSeconds: number): number {
  return Math.round(Math.max(0, Math.min(durationSeconds, seconds)) * 1_000) / 1_000;
}

function isEchoOf(channels: readonly Float32Array[], piece: ChannelText, other: ChannelText): boolean {
  if (piece.channel === other.channel) return false;
  const shared = Math.min(piece.end_s, other.end_s) - Math.max(piece.start_s, other.start_s);
  if (shared < echoOverlap * Math.min(piece.end_s - piece.start_s, other.end_s - other.start_s)) return false;
  const words = splitWords(piece.text);
  const otherWords = new Set(splitWords(other.text));
  if (words.length < echoWordsMin) return false;
  const alike = words.filter((word) => otherWords.has(word)).length / words.length;
  return alike >= echoLikeness && readLevel(channels, piece) < readLevel(channels, other);
}

function splitWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

function readLevel(channels: readonly Float32Array[], piece: ChannelText): number {
  const samples = channels[piece.channel];
  return samples === undefined
    ? 0
    : readRms(samples, Math.round(piece.start_s * rate), Math.round(piece.end_s * rate));
}

/** Words of a recogniser that knows neither case nor punctuation, as a line to be read. Nothing is made up. */
export function writeLine(words: readonly string[]): string {
  const line = words.map((word) => (/^i('|$)/.test(word) ? `I${word.slice(1)}` : word)).join(' ');
  return line.charAt(0).toUpperCase() + line.slice(1);
}

/** For engines that know English only: nonsense words are worse than no words. */
export function assertEnglish(language: string | undefined, engine: string): void {
  if (language === undefined || /^en([-_]|$)/i.test(language)) return;
  throw new AnalysisFailure(
    'LANGUAGE_UNSUPPORTED',
    `The engine "${engine}" understands English only, not "${language}". Set STT_BASE_URL, OPENAI_API_KEY or ` +
      'ELEVENLABS_API_KEY for other languages.',
    { language },
  );
}
