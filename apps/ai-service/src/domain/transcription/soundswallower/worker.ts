import { parentPort } from 'node:worker_threads';
import { createSpeechDecoder } from './decoder.ts';

/*
 * Keeps one loaded recogniser and decodes one piece after another. Decoding blocks this thread.
 */

export interface DecodeRequest {
  readonly id: number;
  readonly samples: Float32Array<ArrayBuffer>;
}

export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'decoded'; readonly id: number; readonly words: string[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

const port = parentPort;
if (port === null) throw new Error('This file is run as a worker thread.');
const decoder = await createSpeechDecoder();
const send = (message: WorkerMessage) => port.postMessage(message);

port.on('message', ({ id, samples }: DecodeRequest) => {
  try {
    send({ kind: 'decoded', id, words: decoder.decode(samples).map(({ text }) => text) });
  } catch (error) {
    send({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) });
    // After an error inside of WebAssembly its memory cannot be trusted: end, and be replaced.
    process.exit(1);
  }
});
send({ kind: 'ready' });
