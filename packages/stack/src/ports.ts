import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

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

/** A port nobody listens on, chosen at random so that parallel test workers rarely meet. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`No free port between ${LOWEST_PORT} and ${HIGHEST_PORT}: end some listening processes.`);
}
