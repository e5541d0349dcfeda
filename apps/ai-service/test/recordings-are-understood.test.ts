import { bringTool } from '@switchboard/stack/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeAudio } from '../src/domain/audio/decode-audio.ts';
import { detectSpeech } from '../src/domain/audio/detect-speech.ts';
import {
  createTranscriptionEngine,
  type Transcription,
  type TranscriptionEngine,
} from '../src/domain/transcription/index.ts';
import {
  createRandom,
  cutWav,
  type KnownRecording,
  measureWordErrors,
  readKnownRecording,
} from './helpers/recordings.ts';

const LIBRIVOX_BEGINNING_SECONDS = 10.8;
const supportCall = readKnownRecording('support-call');
const librivox = readKnownRecording('librivox-sense-and-sensibility');
/** Two of its five sentences; all of them are read by soundswallower in tests/main-job. */
const librivoxBeginning: KnownRecording = {
  ...librivox,
  bytes: cutWav(librivox.bytes, LIBRIVOX_BEGINNING_SECONDS),
  lines: librivox.lines.filter((line) => line.end_s <= LIBRIVOX_BEGINNING_SECONDS),
};
const engines: TranscriptionEngine[] = [];
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

async function transcribe(engine: TranscriptionEngine, recording: KnownRecording): Promise<Transcription> {
  const { channels, sampleRate } = await decodeAudio(recording.bytes);
  const progress: number[] = [];
  const result = await engine.transcribe({
    channels,
    sampleRate,
    signal: AbortSignal.timeout(600_000),
    onProgress: (share) => progress.push(share),
  });
  expect(progress.at(-1)).toBe(1);
  expect(progress).toEqual(progress.toSorted((left, right) => left - right));
  return result;
}

function measure(recording: KnownRecording, { segments }: Transcription): number {
  let errors = 0;
  let words = 0;
  for (const speaker of new Set(recording.lines.map((line) => line.speaker))) {
    const of = (parts: readonly { speaker: string; text: string }[]) =>
      parts.filter((part) => part.speaker === speaker).map((part) => part.text);
    const result = measureWordErrors(of(recording.lines).join(' '), of(segments).join(' '));
    errors += result.errors;
    words += result.words;
  }
  return errors / words;
}

describe('with nothing but npm', () => {
  test('a support call is understood, each speaker on its own channel and at the right time', async () => {
    const engine = await createTranscriptionEngine({ engine: 'soundswallower' });
    engines.push(engine);
    const result = await transcribe(engine, supportCall);
    expect(measure(supportCall, result)).toBeLessThanOrEqual(0.35);
    const heard = result.transcript.toLowerCase();
    for (const word of [
      'good morning',
      'customer support',
      'internet',
      'phone number',
      'problem',
      'friday',
      'too late',
      'goodbye',
    ])
      expect(heard).toContain(word);
    expect(result.engine).toMatchObject({ engine: 'soundswallower', kind: 'model', quality: 'basic' });
    expect(result.language).toBe('en');

    expect(result.segments.map((segment) => segment.speaker)).toEqual(
      supportCall.lines.map((line) => line.speaker),
    );
    result.segments.forEach((segment, index) => {
      expect(Math.abs(segment.start_s - (supportCall.lines[index]?.start_s ?? 0))).toBeLessThan(0.3);
      expect(Math.abs(segment.end_s - (supportCall.lines[index]?.end_s ?? 0))).toBeLessThan(0.5);
    });

    // The same thread reads a human voice next: a loaded recogniser is kept and carries nothing over.
    const read = await transcribe(engine, librivoxBeginning);
    expect(measure(librivoxBeginning, read)).toBeLessThanOrEqual(0.65);
    expect(read.segments.every((segment) => segment.speaker === 'speaker')).toBe(true);
  }, 600_000);
});

test('with pocketsphinx installed the call is understood better', async (ctx) => {
  const pocketSphinxProgram = await bringTool('pocketsphinx_batch').catch((error: Error) => {
    console.warn(`NOT MEASURED: ${error.message}`);
    return ctx.skip('pocketsphinx_batch could not be had');
  });
  const engine = await createTranscriptionEngine({ engine: 'pocketsphinx', pocketSphinxProgram });
  engines.push(engine);
  expect(measure(supportCall, await transcribe(engine, supportCall))).toBeLessThanOrEqual(0.1);
  expect(measure(librivox, await transcribe(engine, librivox))).toBeLessThanOrEqual(0.5);
}, 600_000);

describe('speech activity', () => {
  test('silence and line noise hold no speech', async () => {
    expect(await detectSpeech(new Float32Array(16_000 * 20))).toEqual([]);
    const random = createRandom(1);
    const noise = Float32Array.from({ length: 16_000 * 20 }, () => (random() - 0.5) * 0.002);
    expect(await detectSpeech(noise)).toEqual([]);
    expect(await detectSpeech(new Float32Array())).toEqual([]);
  });

  test('in the support call it is found where it is', async () => {
    const { channels } = await decodeAudio(supportCall.bytes);
    for (const [channel, speaker] of ['agent', 'customer'].entries()) {
      const found = await detectSpeech(channels[channel] ?? new Float32Array());
      const wanted = supportCall.lines.filter((line) => line.speaker === speaker);
      expect(measureOverlap(found, wanted, supportCall.durationSeconds)).toBeGreaterThan(0.9);
    }
  });

  test('a recording of silence has an empty transcript, and no thread is started for it', async () => {
    const engine = await createTranscriptionEngine({ engine: 'soundswallower' });
    engines.push(engine);
    const result = await engine.transcribe({
      channels: [new Float32Array(16_000 * 5), new Float32Array(16_000 * 5)],
      sampleRate: 16_000,
      signal: AbortSignal.timeout(60_000),
      onProgress: () => {},
    });
    expect(result).toMatchObject({ segments: [], transcript: '' });
  });
});

test('a voice that leaks into the other channel is not written twice', async () => {
  const { channels } = await decodeAudio(supportCall.bytes);
  const [agent = new Float32Array(), customer = new Float32Array()] = channels;
  const leaky = customer.map((sample, index) => sample + (agent[index] ?? 0) * 0.12);
  const engine = await createTranscriptionEngine({ engine: 'soundswallower' });
  engines.push(engine);
  // The greeting, in which the agent says "support".
  const short = Math.round(16_000 * 5.8);
  const { segments } = await engine.transcribe({
    channels: [agent.slice(0, short), leaky.slice(0, short)],
    sampleRate: 16_000,
    signal: AbortSignal.timeout(120_000),
    onProgress: () => {},
  });
  expect(
    segments.filter((segment) => /support/i.test(segment.text)).map((segment) => segment.speaker),
  ).toEqual(['agent']);
}, 120_000);

test('another language is refused offline rather than written as nonsense', async () => {
  const engine = await createTranscriptionEngine({ engine: 'soundswallower' });
  engines.push(engine);
  const input = { channels: [new Float32Array(16_000)], sampleRate: 16_000 as const, onProgress: () => {} };
  const signal = AbortSignal.timeout(60_000);
  await expect(engine.transcribe({ ...input, signal, language: 'fr' })).rejects.toMatchObject({
    code: 'LANGUAGE_UNSUPPORTED',
  });
  await expect(engine.transcribe({ ...input, signal, language: 'en-GB' })).resolves.toBeDefined();
});

interface Span {
  readonly start_s: number;
  readonly end_s: number;
}

function measureOverlap(found: readonly Span[], wanted: readonly Span[], seconds: number): number {
  const mark = (spans: readonly Span[]) => {
    const frames = new Uint8Array(Math.ceil(seconds * 100));
    for (const span of spans) frames.fill(1, Math.round(span.start_s * 100), Math.round(span.end_s * 100));
    return frames;
  };
  const left = mark(found);
  const right = mark(wanted);
  let both = 0;
  let either = 0;
  left.forEach((value, frame) => {
    if (value === 1 && right[frame] === 1) both += 1;
    if (value === 1 || right[frame] === 1) either += 1;
  });
  return both / either;
}
