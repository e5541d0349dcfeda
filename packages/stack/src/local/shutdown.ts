import { localDir } from '../paths.ts';

// A terminal's Ctrl-C reaches us, npm and our parent, and both pass it on: the same press may come three times.
const SAME_PRESS_MS = 1_000;

/**
 * Settles with the reason when this process is asked to end: by a signal, or because the process that started us is
 * gone (the channel to it closed). A second request, later than the echo of the first, ends us at once; the watchdog
 * then ends the children.
 */
export function askedToEnd(): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const ask = (reason: string) => {
      const now = performance.now();
      if (firstAt === undefined) {
        firstAt = now;
        resolve(reason);
      } else if (now - firstAt > SAME_PRESS_MS && reason !== 'the starter is gone') {
        process.stdout.write(`Ended at once. What was kept is in ${localDir}.\n`);
        process.exit(130);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(signal));
    if (process.channel) {
      process.on('disconnect', () => ask('the starter is gone'));
      process.channel.unref();
    }
  });
}
