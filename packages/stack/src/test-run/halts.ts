import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../process/stragglers.ts';

const GAP_MS = { min: 8_000, max: 25_000 };

const between = (min: number, max: number): number => min + Math.random() * (max - min);

const signalAll = (pids: readonly number[], signal: 'SIGSTOP' | 'SIGCONT'): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended meanwhile.
    }
  }
};

/**
 * Halts processes of a test run again and again, as a busy machine does, and lets them go on: all of them at once, or one.
 * Tests that pass nevertheless do not depend on how quick anything is. Linux alone.
 *
 * @param secondsMax the longest halt
 * @returns ends it, and gives how many halts there were
 */
export const startHalts = (runId: string, secondsMax: number): (() => Promise<number>) => {
  const stopping = new AbortController();
  let halted: readonly number[] = [];
  let halts = 0;
  const goOn = () => signalAll(halted, 'SIGCONT');
  process.once('exit', goOn);

  const wait = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const run = async (): Promise<void> => {
    for (;;) {
      await wait(between(GAP_MS.min, GAP_MS.max));
      if (stopping.signal.aborted) return;
      const pids = processesOf(runId).map(({ pid }) => pid);
      const one = pids[Math.floor(Math.random() * pids.length)];
      halted = Math.random() < 0.5 || one === undefined ? pids : [one];
      signalAll(halted, 'SIGSTOP');
      await wait(between(secondsMax / 3, secondsMax) * 1000);
      goOn();
      halts += 1;
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
    process.off('exit', goOn);
    return halts;
  };
};
