import { backoffDelay, DEFAULT_BACKOFF } from '../supervisor/backoff.ts';
import type { StackConsole } from '../supervisor/console.ts';

/** A server of ours: Postgres or NATS. */
interface Server {
  exited(): Promise<unknown>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server again when it ends unasked. `stop()` ends that, and the server. */
export function keepAlive(name: string, server: Server, out: StackConsole): { stop: () => Promise<void> } {
  let stopping = false;
  let crashesInARow = 0;
  const watch = async () => {
    for (;;) {
      const startedAt = performance.now();
      await server.exited();
      if (stopping) return;
      if (performance.now() - startedAt > DEFAULT_BACKOFF.recoveredAfterMs) crashesInARow = 0;
      crashesInARow += 1;
      const delayMs = backoffDelay(DEFAULT_BACKOFF, crashesInARow, Math.random());
      out.say(`${name} ended unasked; starting it again in ${delayMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (stopping) return;
      await server.restart().then(
        () => out.say(`${name} is back`),
        (error: Error) => out.say(`${name} did not come back: ${error.message}`),
      );
    }
  };
  void watch();
  return {
    async stop() {
      stopping = true;
      await server.stop();
    },
  };
}
