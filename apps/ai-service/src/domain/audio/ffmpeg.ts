import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioKind } from '@switchboard/contracts';
import { AnalysisFailure } from '../analysis/types.ts';
import { programEnvironment } from '../runtime/config.ts';
import { canRun } from '../runtime/find-program.ts';
import { makeRecordingFolder } from '../runtime/recording-folder.ts';
import { type DecodeOutcome, decodedRate } from './decode-stream.ts';

/** The demuxer is named for every kind: left to guess, ffmpeg would also take play lists that open other files. */
const demuxers: Readonly<Record<AudioKind, string>> = {
  wav: 'wav',
  mp3: 'mp3',
  mp4: 'mov',
  ogg: 'ogg',
  webm: 'matroska',
  flac: 'flac',
};

/** The ffmpeg on PATH, or null. */
export async function findFfmpeg(): Promise<string | null> {
  return (await canRun('ffmpeg')) ? 'ffmpeg' : null;
}

/**
 * Decodes with ffmpeg: codecs that the embedded decoders do not know (GSM, Speex, …). Two channels at most.
 *
 * Throws AnalysisFailure `AUDIO_DECODE_TIMEOUT`, or the reason of `signal`.
 */
export async function decodeWithFfmpeg(
  bytes: Uint8Array,
  kind: AudioKind,
  ffmpegPath: string,
  limits: { readonly secondsMax: number; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<DecodeOutcome> {
  const folder = await makeRecordingFolder();
  try {
    // A file and not a pipe: the index of an mp4 often stands at its end.
    const input = join(folder, `input.${kind}`);
    await writeFile(input, bytes, { mode: 0o600 });
    const probe = await run(ffmpegPath, ['-i', input], kind, limits);
    const stereo = /Audio:.*(?:stereo|2 channels)/.test(probe.errors);
    const width = stereo ? 2 : 1;
    // One second more than is taken tells "just long enough" from "too long".
    const output = ['-vn', '-sn', '-dn', '-t', String(limits.secondsMax + 1), '-ac', String(width)];
    const result = await run(
      ffmpegPath,
      ['-i', input, ...output, '-ar', String(decodedRate), '-f', 's16le', 'pipe:1'],
      kind,
      limits,
    );
    if (result.timedOut)
      throw new AnalysisFailure(
        'AUDIO_DECODE_TIMEOUT',
        `Decoding took more than ${Math.round(limits.timeoutMs / 1_000)} seconds.`,
      );
    const frames = Math.floor(result.output.length / 2 / width);
    if (frames === 0) return describeFailure(result.code);
    if (frames / decodedRate > limits.secondsMax)
      return {
        kind: 'fault',
        code: 'AUDIO_TOO_LONG',
        message: `The recording is longer than ${limits.secondsMax} seconds.`,
      };
    const channels = Array.from({ length: width }, (_, channel) => {
      const samples = new Float32Array(frames);
      for (let frame = 0; frame < frames; frame += 1)
        samples[frame] = result.output.readInt16LE((frame * width + channel) * 2) / 32_768;
      return samples;
    });
    const sourceRate = Number(/Audio:.*?(\d+) Hz/.exec(probe.errors)?.[1] ?? decodedRate);
    return { kind: 'decoded', channels, sourceRate };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function describeFailure(code: number | null): DecodeOutcome {
  return code === 0
    ? { kind: 'fault', code: 'EMPTY_AUDIO', message: 'The recording has no sound in it.' }
    : {
        kind: 'fault',
        code: 'INVALID_AUDIO_FILE',
        message: 'The recording cannot be read, by ffmpeg neither.',
      };
}

interface RunResult {
  readonly code: number | null;
  readonly output: Buffer;
  readonly errors: string;
  readonly timedOut: boolean;
}

function run(
  program: string,
  args: readonly string[],
  kind: AudioKind,
  limits: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<RunResult> {
  const guard = ['-nostdin', '-hide_banner', '-protocol_whitelist', 'file,pipe', '-f', demuxers[kind]];
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...guard, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: programEnvironment(),
    });
    const output: Buffer[] = [];
    let errors = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, limits.timeoutMs);
    const abort = () => child.kill('SIGKILL');
    limits.signal?.addEventListener('abort', abort, { once: true });
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      if (errors.length < 64_000) errors += chunk.toString();
    });
    const end = () => {
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', abort);
    };
    child.once('error', (error) => {
      end();
      reject(error);
    });
    child.once('close', (code) => {
      end();
      if (limits.signal?.aborted) reject(limits.signal.reason);
      else resolve({ code, output: Buffer.concat(output), errors, timedOut });
    });
  });
}
