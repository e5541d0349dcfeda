import { Worker } from 'node:worker_threads';
import { type AudioKind, sniffAudioKind } from '@switchboard/contracts';
import { AnalysisFailure } from '../analysis/types.ts';
import { type DecodeOutcome, decodedRate } from './decode-stream.ts';
import { decodeWithFfmpeg, findFfmpeg } from './ffmpeg.ts';
import { probeAudio } from './probe-audio.ts';

export interface DecodeLimits {
  /** Longest recording that is taken, seconds. Default 1,400. */
  readonly secondsMax?: number;
  /** How long decoding may take, milliseconds. Default 120,000. */
  readonly timeoutMs?: number;
  /** By how much decoding may grow this process, bytes. Default 2 GiB. */
  readonly memoryBytesMax?: number;
  /** A ffmpeg for what the embedded decoders do not know; null forbids it. Default: the one on PATH, if there is one. */
  readonly ffmpegPath?: string | null;
  readonly signal?: AbortSignal;
}

export interface DecodedAudio {
  readonly kind: AudioKind;
  /** One or two channels, samples in -1…1 at 16 kHz. Two equal channels are given as one. */
  readonly channels: Float32Array<ArrayBuffer>[];
  readonly sampleRate: 16_000;
  readonly durationSeconds: number;
  /** The rate in the file, Hz: telephone recordings have 8,000. */
  readonly sourceRate: number;
  readonly decoder: 'embedded' | 'ffmpeg';
}

const watchMs = 50;
/** Shorter than this is a click of the line, not a recording. Seconds. */
const shortestSeconds = 0.1;
/** Two channels that differ by less than -40 dB are one channel written twice. */
const sameChannelRatio = 1e-4;

/**
 * Decodes a recording (wav, mp3, m4a/mp4, ogg, webm, flac; told by content) in a thread of its own.
 *
 * Throws AnalysisFailure: `EMPTY_AUDIO` (no bytes or no sound), `AUDIO_TOO_LONG`, `INVALID_AUDIO_FILE` (another kind,
 * broken, or one that would need more memory than allowed), `AUDIO_DECODE_TIMEOUT`; or the reason of `signal`.
 */
export async function decodeAudio(bytes: Uint8Array, limits: DecodeLimits = {}): Promise<DecodedAudio> {
  const secondsMax = limits.secondsMax ?? 1_400;
  const timeoutMs = limits.timeoutMs ?? 120_000;
  limits.signal?.throwIfAborted();
  if (bytes.length === 0) throw new AnalysisFailure('EMPTY_AUDIO', 'The recording has no bytes.');
  const kind = sniffAudioKind(bytes);
  if (kind === null)
    throw new AnalysisFailure(
      'INVALID_AUDIO_FILE',
      'The file is none of wav, mp3, m4a/mp4, ogg, webm and flac (told by its content, not by its name).',
    );
  const probe = probeAudio(bytes, kind);
  if (probe.fault !== null) throw new AnalysisFailure('INVALID_AUDIO_FILE', probe.fault);
  if (probe.seconds !== null && probe.seconds > secondsMax)
    throw new AnalysisFailure(
      'AUDIO_TOO_LONG',
      `The recording is ${Math.ceil(probe.seconds)} seconds long; at most ${secondsMax} are taken.`,
    );

  const embedded = await runWorker(bytes, kind, { ...limits, secondsMax, timeoutMs });
  if (embedded.kind === 'decoded') return finishDecoding(kind, embedded, 'embedded');
  const ffmpegPath = limits.ffmpegPath === undefined ? await findFfmpeg() : limits.ffmpegPath;
  if (embedded.kind === 'fault' && (embedded.code !== 'INVALID_AUDIO_FILE' || ffmpegPath === null))
    throw new AnalysisFailure(embedded.code, embedded.message);
  if (ffmpegPath === null)
    throw new AnalysisFailure(
      'INVALID_AUDIO_FILE',
      `${embedded.message} Send it as wav, mp3, flac or opus, or let the operator install ffmpeg (FFMPEG_PATH).`,
    );
  const outcome = await decodeWithFfmpeg(bytes, kind, ffmpegPath, {
    secondsMax,
    timeoutMs,
    ...(limits.signal === undefined ? {} : { signal: limits.signal }),
  });
  if (outcome.kind !== 'decoded')
    throw new AnalysisFailure(
      outcome.kind === 'fault' ? outcome.code : 'INVALID_AUDIO_FILE',
      outcome.message,
    );
  return finishDecoding(kind, outcome, 'ffmpeg');
}

function finishDecoding(
  kind: AudioKind,
  outcome: DecodeOutcome & { kind: 'decoded' },
  decoder: DecodedAudio['decoder'],
): DecodedAudio {
  const { channels, sourceRate } = outcome;
  const durationSeconds = (channels[0]?.length ?? 0) / decodedRate;
  if (durationSeconds < shortestSeconds)
    throw new AnalysisFailure('EMPTY_AUDIO', 'The recording has no sound in it.');
  const [left, right] = channels;
  const parties = left !== undefined && right !== undefined && isSameChannel(left, right) ? [left] : channels;
  return { kind, channels: parties, sampleRate: decodedRate, durationSeconds, sourceRate, decoder };
}

function isSameChannel(left: Float32Array, right: Float32Array): boolean {
  let energy = 0;
  let difference = 0;
  for (let index = 0; index < left.length; index += 1) {
    const first = left[index] ?? 0;
    const second = right[index] ?? 0;
    energy += first * first + second * second;
    difference += (first - second) ** 2;
  }
  return difference <= energy * sameChannelRatio;
}

function runWorker(
  bytes: Uint8Array,
  kind: AudioKind,
  limits: DecodeLimits & { secondsMax: number; timeoutMs: number },
): Promise<DecodeOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./decode-worker.ts', import.meta.url), {
      workerData: { bytes, kind, secondsMax: limits.secondsMax },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
      stdout: true,
      stderr: true,
      env: {},
    });
    const memoryBytesMax = limits.memoryBytesMax ?? 2 * 1_024 ** 3;
    const memoryBefore = process.memoryUsage.rss();
    const end = (settle: () => void) => {
      clearTimeout(timer);
      clearInterval(watch);
      limits.signal?.removeEventListener('abort', abort);
      worker.removeAllListeners('exit');
      void worker.terminate().then(settle);
    };
    const fail = (error: unknown) => end(() => reject(error));
    const abort = () => fail(limits.signal?.reason);
    const timer = setTimeout(
      () =>
        fail(
          new AnalysisFailure(
            'AUDIO_DECODE_TIMEOUT',
            `Decoding took more than ${Math.round(limits.timeoutMs / 1_000)} seconds.`,
          ),
        ),
      limits.timeoutMs,
    );
    // Limits of a thread count JavaScript objects only; samples and WebAssembly lie outside of them.
    const watch = setInterval(() => {
      if (process.memoryUsage.rss() - memoryBefore > memoryBytesMax)
        fail(new AnalysisFailure('INVALID_AUDIO_FILE', 'The recording needs more memory than a call does.'));
    }, watchMs);
    limits.signal?.addEventListener('abort', abort, { once: true });
    worker.once('message', (outcome: DecodeOutcome) => end(() => resolve(outcome)));
    const describe = (reason: string): DecodeOutcome => ({
      kind: 'fault',
      code: 'INVALID_AUDIO_FILE',
      message: `The recording cannot be read: ${reason}`,
    });
    worker.once('error', (error) =>
      end(() => resolve(describe(error instanceof Error ? error.message : 'the decoder failed'))),
    );
    worker.once('exit', () => end(() => resolve(describe('the decoder ended without an answer'))));
  });
}
