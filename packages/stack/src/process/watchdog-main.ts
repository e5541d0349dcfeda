import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess, signalGroup } from './identity.ts';
import type { Ward } from './watchdog.ts';

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

const stages = [...new Set([...wards.values()].map((ward) => ward.stage))].sort((a, b) => a - b);
for (const stage of stages) {
  const members = [...wards.values()].filter((ward) => ward.stage === stage);
  const living = () => members.filter((ward) => isSameProcess(ward.pid, ward.startMark));
  for (const ward of living()) process.kill(ward.pid, ward.signal);
  const deadline = performance.now() + STAGE_GRACE_MS;
  while (living().length > 0 && performance.now() < deadline) await sleep(50);
  for (const ward of living()) signalGroup(ward.pid, 'SIGKILL');
}
for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
