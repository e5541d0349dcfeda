import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { stackEnvironment } from './config.ts';

// Below the kernel's range for outgoing connections (32768 up), so that no client socket can take the port of a
// server while that server is being restarted.
const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 32_000;

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.unref();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Parallel test workers choose from parts of their own. */
const TEST_PARTS = 8;
/** Given out here and perhaps not listened on yet. */
const given = new Set<number>();

/** A port nobody listens on, chosen at random and given once, so that parallel test workers never meet. */
export async function freePort(): Promise<number> {
  const { testWorker } = stackEnvironment();
  const width = Math.floor((HIGHEST_PORT - LOWEST_PORT) / (testWorker === undefined ? 1 : TEST_PARTS));
  const lowest = LOWEST_PORT + (testWorker === undefined ? 0 : testWorker % TEST_PARTS) * width;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(lowest, lowest + width);
    if (given.has(port) || !(await isPortFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`No free port between ${lowest} and ${lowest + width}: end some listening processes.`);
}
