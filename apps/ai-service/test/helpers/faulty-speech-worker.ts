import { parentPort } from 'node:worker_threads';

/*
 * Stands where the recogniser's thread stands, and misbehaves on demand: the first sample of a piece says how.
 *   0 answers · 1 throws · 2 ends · 3 never answers
 */

const port = parentPort;
if (port === null) throw new Error('This file is run as a worker thread.');
let pieces = 0;
port.on('message', ({ id, samples }: { id: number; samples: Float32Array }) => {
  const [order] = samples;
  if (order === 1) throw new Error('the recogniser broke');
  if (order === 2) process.exit(3);
  if (order === 3) return;
  pieces += 1;
  // Says how many pieces this very thread has answered.
  port.postMessage({ kind: 'decoded', id, words: [String(pieces)] });
});
port.postMessage({ kind: 'ready' });
