import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** CPU time that a process has used so far, user and system, in seconds. */
export const cpuSeconds = (pid: number): number => {
  if (process.platform === 'linux') {
    // The name of the program stands in brackets and may hold spaces: the numbers begin behind the last one.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  const shown = execFileSync('ps', ['-o', 'cputime=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return shown.split(':').reduce((total, part) => total * 60 + Number(part), 0);
};
