import { type ToneAnalysis, toneAnalysisSchema } from '@switchboard/contracts';
import { describe, expect, test } from 'vitest';
import { analyseTone } from '../src/domain/tone/analyse-tone.ts';
import { trackPitch } from '../src/domain/tone/measure-channel.ts';
import { makeVoice, readRecording } from './helpers/make-voice.ts';

const rate = 16_000;

test.each([80, 150, 220, 300])('a tone of %i Hz is measured as that, ± 1', async (hertz) => {
  const tone = Float32Array.from(
    { length: rate },
    (_, at) => 0.4 * Math.sin((2 * Math.PI * hertz * at) / rate),
  );
  const pitches = await trackPitch(tone, [{ start_s: 0.1, end_s: 0.9 }]);
  const voiced = [...pitches].filter((pitch) => pitch > 0);
  expect(voiced.length).toBeGreaterThan(70);
  for (const pitch of voiced) expect(Math.abs(pitch - hertz)).toBeLessThanOrEqual(1);
});

test('a voice at 150 Hz has that pitch, its loudness in dBFS and its four syllables a second', async () => {
  const tone = await analyse([makeVoice(10, [{ from: 1, to: 9, hertz: 150 }])]);
  expect(tone.pitch.median_hz).toBeGreaterThanOrEqual(149);
  expect(tone.pitch.median_hz).toBeLessThanOrEqual(151);
  expect(tone.speech_rate.syllables_per_s).toBeGreaterThan(3.6);
  expect(tone.speech_rate.syllables_per_s).toBeLessThan(4.4);
  expect(Math.abs(tone.speech_s - 8)).toBeLessThan(0.5);
});

test('half the amplitude is six decibels less', async () => {
  const loud = await analyse([makeVoice(6, [{ from: 0.5, to: 5.5, amplitude: 0.4 }])]);
  const soft = await analyse([makeVoice(6, [{ from: 0.5, to: 5.5, amplitude: 0.2 }])]);
  expect((loud.energy.mean_dbfs ?? 0) - (soft.energy.mean_dbfs ?? 0)).toBeCloseTo(6, 0);
});

test.each([1, 2, 3])('silence in %i channels has no speech, and no figure that is none', async (count) => {
  const tone = await analyse(Array.from({ length: count }, () => new Float32Array(10 * rate)));
  expect(tone).toMatchObject({ speech_s: 0, silence_share: 1, score: 0 });
  expect(tone.red_flags.map((flag) => flag.kind)).toEqual(['no_speech']);
});

test('a recording of no length gives figures too', async () => {
  expect(await analyse([new Float32Array(0)])).toMatchObject({ duration_s: 0, speech_s: 0, score: 0 });
});

describe('a conversation of two', () => {
  const first = makeVoice(24, [
    { from: 1, to: 6 },
    { from: 14, to: 18 },
  ]);
  const second = makeVoice(24, [
    { from: 5, to: 9, hertz: 200 },
    { from: 19, to: 21, hertz: 200 },
  ]);

  test('with exactly one interruption has one, at its time, by the right speaker', async () => {
    const { interruptions } = await analyse([first, second], ['agent', 'customer']);
    expect(interruptions?.count).toBe(1);
    expect(interruptions?.events[0]).toMatchObject({ by: 'customer', interrupted: 'agent' });
    expect(interruptions?.events[0]?.at_s).toBeCloseTo(5, 0);
    expect(interruptions?.events[0]?.overlap_s).toBeCloseTo(1, 0);
  });

  test('taking turns has none', async () => {
    const { interruptions, red_flags } = await analyse([
      makeVoice(12, [{ from: 1, to: 5 }]),
      makeVoice(12, [{ from: 6, to: 11, hertz: 200 }]),
    ]);
    expect(interruptions?.count).toBe(0);
    expect(red_flags).toEqual([]);
  });

  test('a short "mm-hm" into the other is no interruption', async () => {
    const { interruptions } = await analyse([
      makeVoice(10, [{ from: 1, to: 9 }]),
      makeVoice(10, [{ from: 4, to: 4.4, hertz: 200 }]),
    ]);
    expect(interruptions?.count).toBe(0);
  });

  test('has its talk ratio, latency, pauses and pitch by speaker', async () => {
    const tone = await analyse([first, second], ['agent', 'customer']);
    expect(tone.talk_listen_ratio).toBeCloseTo(1.5, 0);
    expect(tone.pauses.count).toBe(2);
    expect(tone.pauses.longest_s).toBeCloseTo(5, 0);
    expect(tone.speakers.map((speaker) => Math.round((speaker.pitch.median_hz ?? 0) / 10) * 10)).toEqual([
      120, 200,
    ]);
    expect(tone.speakers[1]?.response_latency).toMatchObject({ count: 1 });
    expect(tone.speakers[1]?.response_latency?.median_s).toBeCloseTo(1, 0);
  });

  test('leaking into the other channel is not talking over', async () => {
    const leaky = makeVoice(24, []).map((_, at) => (second[at] ?? 0) + 0.03 * (first[at] ?? 0));
    const { interruptions } = await analyse([first, leaky]);
    expect(interruptions?.count).toBe(1);
  });
});

test('the same sound in both channels is one speaker, of whom nothing is told that needs two', async () => {
  const voice = makeVoice(8, [{ from: 1, to: 7 }]);
  const tone = await analyse([voice, voice.map((sample) => sample)]);
  expect(tone).toMatchObject({ interruptions: null, talk_listen_ratio: null, response_latency: null });
  expect(tone.speakers).toHaveLength(1);
});

describe('red flags', () => {
  test('a voice far louder and higher than the speaker’s own is raised, at that time', async () => {
    const calm = { hertz: 110, amplitude: 0.08 };
    const { red_flags } = await analyse([
      makeVoice(30, [
        { from: 1, to: 18, ...calm },
        { from: 20, to: 23, hertz: 190, amplitude: 0.5 },
        { from: 24, to: 29, ...calm },
      ]),
    ]);
    const raised = red_flags.filter((flag) => flag.kind === 'raised_voice');
    expect(raised).toHaveLength(1);
    expect(raised[0]?.at_s).toBeGreaterThanOrEqual(19);
    expect(raised[0]?.end_s).toBeLessThanOrEqual(24);
  });

  test('twelve seconds in which nobody speaks are a long silence', async () => {
    const { red_flags } = await analyse([
      makeVoice(30, [
        { from: 1, to: 8 },
        { from: 20, to: 28 },
      ]),
    ]);
    expect(red_flags).toMatchObject([{ kind: 'long_silence', severity: 'medium' }]);
    expect(red_flags[0]?.at_s).toBeCloseTo(8, 0);
  });

  test('one who does all the talking is named', async () => {
    const { red_flags } = await analyse(
      [makeVoice(40, [{ from: 1, to: 39 }]), makeVoice(40, [])],
      ['agent', 'customer'],
    );
    expect(red_flags).toMatchObject([{ kind: 'one_sided', speaker: 'agent' }]);
  });
});

describe('the bundled recordings', () => {
  test('support call: one interruption by the customer, a man’s and a woman’s pitch', async () => {
    const tone = await analyse(readRecording('support-call'), ['agent', 'customer']);
    expect(tone.interruptions?.events).toMatchObject([{ by: 'customer', interrupted: 'agent' }]);
    expect(tone.interruptions?.events[0]?.at_s).toBeCloseTo(22.3, 0);
    expect(tone.speakers[0]?.pitch.median_hz).toBeLessThan(125);
    expect(tone.speakers[1]?.pitch.median_hz).toBeGreaterThan(145);
  });

  test('a human being reading: 96 syllables within a fifth', async () => {
    const tone = await analyse(readRecording('librivox-sense-and-sensibility'), ['speaker']);
    const syllables = (tone.speech_rate.syllables_per_s ?? 0) * tone.speech_s;
    expect(syllables).toBeGreaterThan(96 * 0.8);
    expect(syllables).toBeLessThan(96 * 1.2);
  });
});

test('the same samples give the same figures', async () => {
  const channels = readRecording('support-call');
  expect(await analyse(channels)).toEqual(await analyse(channels));
});

test('an abort ends the work with its reason', async () => {
  const controller = new AbortController();
  const work = analyseTone({
    channels: [makeVoice(60, [{ from: 0, to: 60 }])],
    sampleRate: rate,
    signal: controller.signal,
  });
  controller.abort(new Error('cancelled by the partner'));
  await expect(work).rejects.toThrow('cancelled by the partner');
});

/** Every analysis in this file is held against the contract, which takes no NaN and no infinity. */
async function analyse(channels: Float32Array[], speakers?: string[]): Promise<ToneAnalysis> {
  const tone = await analyseTone({
    channels,
    sampleRate: rate,
    ...(speakers === undefined ? {} : { speakers }),
  });
  const weights = tone.score_parts.reduce((sum, part) => sum + part.weight, 0);
  expect(weights).toBeCloseTo(1, 2);
  return toneAnalysisSchema.parse(tone);
}
