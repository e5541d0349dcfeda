import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process began, as an opaque text that no later process with the same pid shares. Undefined when there is no
 * such process (a zombie counts as gone). A pid alone says nothing after a reboot or a wrap-around.
 */
export function startMarkOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command name may hold spaces and brackets, so fields are counted from its last bracket.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

/** Whether this very process (same pid, same beginning) still runs. */
export function isSameProcess(pid: number, startMark: string | undefined): boolean {
  return startMark !== undefined && startMarkOf(pid) === startMark;
}

/** Sends a signal to a whole process group, or to the one process if it leads none. Gone is not an error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // No such group, or no such process: try the next, or be content.
    }
  }
}
