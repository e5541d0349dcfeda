import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess, signalGroup } from './identity.ts';

/**
 * What has to end when we end. Stages end in rising order: services first, then the broker, then the database, so
 * that each can still finish what it is doing with the ones it depends on.
 */
export interface Ward {
  pid: number;
  /** From `startMarkOf`: a pid alone might by now be somebody else's process. */
  startMark: string | undefined;
  stage: number;
  /** The signal that means "finish and end" to this program. */
  signal: NodeJS.Signals;
}

/** Ends processes that are not our children (ours died): asks, waits, then forces. Gives how many still ran. */
export async function endInOrder(wards: readonly Ward[], stageGraceMs: number): Promise<number> {
  const running = wards.filter((ward) => isSameProcess(ward.pid, ward.startMark));
  const stages = [...new Set(running.map((ward) => ward.stage))].sort((a, b) => a - b);
  for (const stage of stages) {
    const living = () =>
      running.filter((ward) => ward.stage === stage && isSameProcess(ward.pid, ward.startMark));
    for (const ward of living()) signalOne(ward.pid, ward.signal);
    const deadline = performance.now() + stageGraceMs;
    while (living().length > 0 && performance.now() < deadline) await sleep(50);
    for (const ward of living()) signalGroup(ward.pid, 'SIGKILL');
  }
  return running.length;
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in this very moment.
  }
}
