import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from '../paths.ts';
import type { Ward } from './end-in-order.ts';
import { startMarkOf } from './identity.ts';

export const STAGE = { service: 0, broker: 1, database: 2 } as const;

// A child cannot see that its parent was SIGKILLed. So one small process of its own session holds the reading end of
// a pipe from us: when we vanish for whatever reason the pipe closes, and it ends everything we registered. This
// needs nothing from the children, which matters for Postgres and nats-server.
let watchdog: ChildProcess | undefined;
const wards = new Map<number, Ward>();
let recordPath: string | undefined;

function send(message: Record<string, unknown>): void {
  if (watchdog === undefined || watchdog.exitCode !== null || watchdog.signalCode !== null) {
    watchdog = spawn(pinnedNode(), [fileURLToPath(new URL('./watchdog-main.ts', import.meta.url))], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      env: {},
    });
    watchdog.on('error', () => undefined);
    watchdog.stdin?.on('error', () => undefined);
    watchdog.unref();
    // Neither the process nor the pipe to it may keep us alive.
    const pipe = watchdog.stdin;
    if (pipe instanceof Socket) pipe.unref();
  }
  watchdog.stdin?.write(`${JSON.stringify(message)}\n`);
}

/** Has a child ended when this process ends in any way, SIGKILL included. */
export function guardChild(pid: number, options: { stage: number; signal: NodeJS.Signals }): void {
  const ward: Ward = { pid, startMark: startMarkOf(pid), ...options };
  wards.set(pid, ward);
  send({ guard: ward });
  writeRecord();
}

/** Takes a child back from the watchdog, once it has ended. */
export function releaseChild(pid: number): void {
  wards.delete(pid);
  send({ release: pid });
  writeRecord();
}

/** Has a directory removed after all children ended, when this process ends in any way. */
export function guardDirectory(path: string): void {
  send({ directory: path });
}

/**
 * Also keeps a list of all running children in a file, for the case that the watchdog was killed together with us:
 * the next start ends what it finds there.
 */
export function recordChildrenIn(path: string): void {
  recordPath = path;
  writeRecord();
}

function writeRecord(): void {
  if (recordPath) writeFileSync(recordPath, JSON.stringify([...wards.values()]), { mode: 0o600 });
}
