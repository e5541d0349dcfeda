import { Worker } from 'node:worker_threads';
import { PassingFailure } from '../../analysis/types.ts';
import type { DecodeRequest, WorkerMessage } from './worker.ts';

export interface SpeechWorkerPool {
  /** Words in a piece of speech. Waits for a free thread. */
  decode(samples: Float32Array<ArrayBuffer>, signal: AbortSignal): Promise<string[]>;
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Threads; each has its own model of about 400 MB. */
  readonly size: number;
  /** Longest time for one piece, including the time that loading the model takes. Milliseconds. */
  readonly timeoutMs: number;
  /** The program of the threads; other ones are for tests. */
  readonly script?: URL;
}

interface Task {
  readonly samples: Float32Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  readonly resolve: (words: string[]) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
}

interface Slot {
  worker: Worker | undefined;
  task: Task | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** A piece that costs two threads their life is at fault itself. */
const triesMax = 2;

/**
 * Threads that load the recogniser once and keep it. A thread starts with the first piece that needs it; one that crashes
 * or takes too long is replaced, and its piece tried once more.
 */
export function createSpeechWorkerPool(options: PoolOptions): SpeechWorkerPool {
  const script = options.script ?? new URL('./worker.ts', import.meta.url);
  const queue: Task[] = [];
  const slots: Slot[] = Array.from({ length: options.size }, () => ({
    worker: undefined,
    task: undefined,
    timer: undefined,
  }));
  let closed = false;
  let requests = 0;

  const startWorker = (slot: Slot): Worker => {
    const worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: 512 }, env: {} });
    slot.worker = worker;
    worker.on('message', (message: WorkerMessage) => {
      const task = slot.task;
      if (message.kind === 'ready' || task === undefined || slot.worker !== worker) return;
      if (message.kind === 'failed') loseWorker(slot, worker, message.message);
      else {
        release(slot);
        task.resolve(message.words);
        pump();
      }
    });
    worker.once('error', (error) => {
      loseWorker(slot, worker, error instanceof Error ? error.message : 'the thread failed');
    });
    worker.once('exit', () => loseWorker(slot, worker, 'the thread ended'));
    return worker;
  };

  const release = (slot: Slot): void => {
    clearTimeout(slot.timer);
    slot.task = undefined;
    // An idle recogniser must not keep the process from ending.
    slot.worker?.unref();
  };

  const loseWorker = (slot: Slot, worker: Worker, reason: string): void => {
    if (slot.worker !== worker) return;
    slot.worker = undefined;
    const task = slot.task;
    release(slot);
    void worker.terminate();
    if (task !== undefined) {
      if (task.signal.aborted) task.reject(task.signal.reason);
      else if (task.tries < triesMax && !closed) queue.unshift(task);
      else task.reject(new PassingFailure('ANALYSIS_FAILED', `Speech recognition failed: ${reason}.`));
    }
    pump();
  };

  const pump = (): void => {
    for (const slot of slots) {
      if (slot.task !== undefined) continue;
      const task = queue.shift();
      if (task === undefined) return;
      slot.task = task;
      task.tries += 1;
      const worker = slot.worker ?? startWorker(slot);
      worker.ref();
      slot.timer = setTimeout(
        () => loseWorker(slot, worker, `a piece took more than ${options.timeoutMs} ms`),
        options.timeoutMs,
      );
      const request: DecodeRequest = { id: requests++, samples: task.samples };
      worker.postMessage(request);
    }
  };

  return {
    decode(samples, signal) {
      return new Promise((resolve, reject) => {
        if (closed) {
          reject(new PassingFailure('ANALYSIS_FAILED', 'Speech recognition is being shut down.'));
          return;
        }
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const abort = () => {
          const index = queue.indexOf(task);
          if (index >= 0) queue.splice(index, 1);
          // A piece that is being decoded is let finish: that is sooner than loading the model anew.
          reject(signal.reason);
        };
        const task: Task = {
          samples,
          signal,
          tries: 0,
          resolve: (words) => {
            signal.removeEventListener('abort', abort);
            resolve(words);
          },
          reject: (error) => {
            signal.removeEventListener('abort', abort);
            reject(error);
          },
        };
        signal.addEventListener('abort', abort, { once: true });
        queue.push(task);
        pump();
      });
    },
    async close() {
      closed = true;
      const failure = new PassingFailure('ANALYSIS_FAILED', 'Speech recognition was shut down.');
      for (const task of queue.splice(0)) task.reject(failure);
      await Promise.all(
        slots.map(async (slot) => {
          const { worker, task } = slot;
          slot.worker = undefined;
          release(slot);
          task?.reject(failure);
          await worker?.terminate();
        }),
      );
    },
  };
}
