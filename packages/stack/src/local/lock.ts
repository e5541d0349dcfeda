import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isSameProcess, startMarkOf } from '../process/identity.ts';

export interface Holder {
  pid: number;
  startMark: string | undefined;
}

/**
 * Takes the lock of this checkout's stack. Gives a function that gives it back, or the process that holds it. A
 * holder that no longer runs (power cut, SIGKILL) holds nothing, even when its pid is somebody else's by now.
 */
export function takeLock(path: string): { release: () => void } | { holder: Holder } {
  mkdirSync(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, startMark: startMarkOf(process.pid) });
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if (!isExisting(error)) throw error;
    }
    const text = readText(path);
    const holder = parseHolder(text);
    if (holder && isSameProcess(holder.pid, holder.startMark)) return { holder };
    discardStale(path, text);
  }
}

/** Moves the stale lock away, and back again if another start replaced it in between. */
function discardStale(path: string, staleText: string | undefined): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readText(aside) === staleText) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseHolder(text: string | undefined): Holder | undefined {
  try {
    const holder: Holder = JSON.parse(text ?? '');
    return typeof holder.pid === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
