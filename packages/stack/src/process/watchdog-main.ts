import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endInOrder, type Ward } from './end-in-order.ts';

const STAGE_GRACE_MS = 8_000;
const wards = new Map<number, Ward>();
const directories = new Set<string>();

// Only the closing pipe ends this process: a Ctrl-C meant for the whole terminal must not take it first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const message: { guard?: Ward; release?: number; directory?: string } = JSON.parse(line);
  if (message.guard) wards.set(message.guard.pid, message.guard);
  if (message.release) wards.delete(message.release);
  if (message.directory) directories.add(message.directory);
}

await endInOrder([...wards.values()], STAGE_GRACE_MS);
for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
