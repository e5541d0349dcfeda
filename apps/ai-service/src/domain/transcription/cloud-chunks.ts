import { AnalysisFailure, PassingFailure } from '../analysis/types.ts';
import { cutSpeech } from './speech-pieces.ts';

/** A stretch of one channel that is sent to a provider at once. */
export interface CloudChunk {
  readonly channel: number;
  /** Where its samples begin in the recording, seconds. */
  readonly from_s: number;
  /** Of the speech in it. */
  readonly start_s: number;
  readonly end_s: number;
  readonly samples: Float32Array<ArrayBuffer>;
}

const rate = 16_000;

/**
 * Cuts each channel at pauses into chunks of at most `secondsMax`. Channels without speech give none: providers make words up
 * out of silence.
 */
export async function cutChunks(
  channels: readonly Float32Array<ArrayBuffer>[],
  secondsMax: number,
): Promise<CloudChunk[]> {
  const pieces = await cutSpeech(channels, secondsMax - 1);
  return channels.flatMap((samples, channel) => {
    const groups: { from_s: number; start_s: number; end_s: number; to_s: number }[] = [];
    for (const piece of pieces.filter((candidate) => candidate.channel === channel)) {
      const to_s = piece.from_s + piece.samples.length / rate;
      const last = groups.at(-1);
      if (last !== undefined && to_s - last.from_s <= secondsMax) {
        last.end_s = piece.end_s;
        last.to_s = to_s;
      } else groups.push({ from_s: piece.from_s, start_s: piece.start_s, end_s: piece.end_s, to_s });
    }
    return groups.map(({ from_s, start_s, end_s, to_s }) => ({
      channel,
      from_s,
      start_s,
      end_s,
      samples: samples.slice(Math.round(from_s * rate), Math.round(to_s * rate)),
    }));
  });
}

/** What a provider refused for good, and what may pass. A wrong key may be corrected while jobs wait. */
export function toFailure(provider: string, status: number | undefined, error: unknown): Error {
  const said = error instanceof Error ? error.message.slice(0, 300) : String(error);
  if (status === 400 || status === 413 || status === 415 || status === 422)
    return new AnalysisFailure('ANALYSIS_FAILED', `${provider} refused the recording: ${said}`, { status });
  return new PassingFailure('ANALYSIS_FAILED', `${provider} gave no transcript: ${said}`, error);
}

/** `en-US` → `en`; providers take two letters. */
export function readLanguageCode(language: string | undefined): string | undefined {
  return language?.split(/[-_]/)[0]?.toLowerCase();
}
