import { parentPort, workerData } from 'node:worker_threads';
import type { AudioKind } from '@switchboard/contracts';
import { type DecodeOutcome, decodeStream } from './decode-stream.ts';

/*
 * One thread for one recording: whatever a hostile file does to a decoder ends with the thread.
 */

export interface DecodeWorkerInput {
  readonly bytes: Uint8Array;
  readonly kind: AudioKind;
  readonly secondsMax: number;
}

async function decodeInput(input: DecodeWorkerInput): Promise<DecodeOutcome> {
  try {
    return await decodeStream(input.bytes, input.kind, input.secondsMax);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      kind: 'fault',
      code: 'INVALID_AUDIO_FILE',
      message: `The recording cannot be read: ${message}`,
    };
  }
}

const outcome = await decodeInput(workerData);
const transfers = outcome.kind === 'decoded' ? outcome.channels.map((channel) => channel.buffer) : [];
parentPort?.postMessage(outcome, transfers);
