import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Carried by every process of a test run, so that what is left of it can be told from everything else. */
export const RUN_VARIABLE = 'SWITCHBOARD_TEST_RUN';

/**
 * Waits until no process of this run is left, but for ourselves, and ends by force what still runs then. Gives what it had to
 * end, in words. Works where there is `/proc` (Linux); elsewhere the watchdogs are relied upon.
 */
export async function endStragglers(runId: string, patienceMs: number): Promise<string[]> {
  if (!existsSync('/proc/self/environ')) return [];
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const left = processesOf(runId);
    if (left.length === 0) return [];
    if (performance.now() < deadline) {
      await sleep(100);
      continue;
    }
    return left.map(({ pid, command }) => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended in this very moment.
      }
      return `${pid} ${command}`;
    });
  }
}

/** The processes of a run that live, but for this one. */
export function processesOf(runId: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (!environment.includes(`${RUN_VARIABLE}=${runId}`)) continue;
      found.push({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() });
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  return found;
}
