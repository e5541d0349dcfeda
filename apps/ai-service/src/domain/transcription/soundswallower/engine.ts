import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertEnglish, type ChannelText, finishTranscription, writeLine } from '../segments.ts';
import { cutSpeech } from '../speech-pieces.ts';
import type { TranscriptionEngine } from '../types.ts';
import { readModelBase } from './decoder.ts';
import { createSpeechWorkerPool } from './worker-pool.ts';

export interface SoundSwallowerOptions {
  /** Pieces decoded at once, each in a thread with about 400 MB. */
  readonly concurrency: number;
  readonly note: string | null;
}

/** Longer pieces cost memory and are no better; a cancelled job waits for one of them at most. Seconds. */
const pieceSecondsMax = 12;
const pieceTimeoutMs = 90_000;

/** The engine that needs neither key nor network: SoundSwallower (WebAssembly), English, basic quality. */
export function createSoundSwallowerEngine(options: SoundSwallowerOptions): TranscriptionEngine {
  const name = 'soundswallower';
  const pool = createSpeechWorkerPool({ size: options.concurrency, timeoutMs: pieceTimeoutMs });
  const { version } = JSON.parse(readFileSync(join(readModelBase(), '../package.json'), 'utf8'));
  return {
    name,
    async transcribe(input) {
      assertEnglish(input.language, name);
      const pieces = await cutSpeech(input.channels, pieceSecondsMax);
      const total = pieces.reduce((sum, piece) => sum + piece.samples.length, 0);
      let done = 0;
      const found: ChannelText[] = [];
      const abort = new AbortController();
      const signal = AbortSignal.any([input.signal, abort.signal]);
      const work = pieces.map(async (piece) => {
        const words = await pool.decode(piece.samples, signal);
        found.push({ ...piece, text: writeLine(words) });
        done += piece.samples.length;
        input.onProgress(done / total);
      });
      try {
        await Promise.all(work);
      } catch (error) {
        // The other pieces of a failed recording are not worth their time.
        abort.abort(error);
        await Promise.allSettled(work);
        throw error;
      }
      input.signal.throwIfAborted();
      return finishTranscription(input, found, 'en', {
        engine: name,
        model: 'cmusphinx-en-us-ptm-8khz-5.2, bigram of 3,000 words',
        version: String(version),
        kind: 'model',
        quality: 'basic',
        note: options.note,
      });
    },
    close: () => pool.close(),
  };
}
