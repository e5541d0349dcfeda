import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Of `/proc/<pid>/stat`. The name of the program stands in brackets and may hold spaces: the numbers begin behind the last one. */
const readStat = (pid: number | string): string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};
const sumOf = (fields: readonly string[], from: number, to: number): number =>
  fields.slice(from, to).reduce((total, field) => total + Number(field), 0) / TICKS_PER_SECOND;

/** CPU time that a process has used so far, user and system, in seconds. */
export const cpuSeconds = (pid: number): number => {
  if (process.platform === 'linux') return sumOf(readStat(pid), 11, 13);
  const shown = execFileSync('ps', ['-o', 'cputime=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return shown.split(':').reduce((total, part) => total * 60 + Number(part), 0);
};

/**
 * The same of a process with its children, those that have ended included: Postgres is one process for each session. On
 * Linux only; elsewhere it is the process alone.
 */
export const cpuSecondsWithChildren = (pid: number): number => {
  if (process.platform !== 'linux') return cpuSeconds(pid);
  let total = sumOf(readStat(pid), 11, 15);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readStat(name);
      if (fields[1] === String(pid)) total += sumOf(fields, 11, 15);
    } catch {
      // It ended between the two looks, and is counted with its parent the next time.
    }
  }
  return total;
};
