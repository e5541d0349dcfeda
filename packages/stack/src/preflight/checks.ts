import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { PortUse } from '../local/ports.ts';
import { isPortFree } from '../ports.ts';

/** One thing that must be right before anything starts. `remedy` is there when it is not. */
export interface Check {
  name: string;
  ok: boolean;
  found: string;
  remedy?: string;
}

const GIGABYTE = 1024 ** 3;
const DISK_FREE_MIN_BYTES = 1 * GIGABYTE;
const NODE_MAJOR = 26;
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Whether the Node that runs us is the pinned one or newer. */
export function checkNode(version: string): Check {
  const ok = Number(version.split('.')[0]) >= NODE_MAJOR;
  const found = `Node ${version}`;
  if (ok) return { name: 'Node', ok, found };
  return {
    name: 'Node',
    ok,
    found: `${found}, but ${NODE_MAJOR} is pinned`,
    remedy: 'start through npm (npm start, npm test, npm run doctor): it runs the pinned Node',
  };
}

/** Whether Postgres and nats-server come for this machine, or the operator brings their own. */
export function checkArchitecture(platform: string, brings: { postgres: boolean; nats: boolean }): Check {
  const known = PLATFORMS.includes(platform);
  const ok = known || (brings.postgres && brings.nats);
  if (ok) return { name: 'architecture', ok, found: platform };
  return {
    name: 'architecture',
    ok,
    found: `${platform}: no Postgres and nats-server are packaged for it`,
    remedy: 'set DATABASE_URL (Postgres 15 or newer) and NATS_URL (nats-server with JetStream) to yours',
  };
}

/** Whether we may write where everything is kept. */
export function checkWritable(dir: string): Check {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK | constants.X_OK);
    for (const inside of ['bin', 'secrets.json', 'stack.lock']) {
      const path = join(dir, inside);
      if (existsSync(path)) accessSync(path, constants.W_OK);
    }
    return { name: 'writable', ok: true, found: dir };
  } catch (error) {
    const path = error instanceof Error && 'path' in error ? String(error.path) : dir;
    return {
      name: 'writable',
      ok: false,
      found: `${path} cannot be written by this user`,
      remedy: `sudo chown -R "$(id -un)" '${dir}' (an earlier start as another user left it), or start as that user`,
    };
  }
}

/** Whether there is room for the database, the streams and some recordings. */
export function checkDisk(dir: string, freeBytes: number = freeBytesOf(dir)): Check {
  const gigabytes = (freeBytes / GIGABYTE).toFixed(1);
  const found = `${gigabytes} GB free at ${dir}`;
  if (freeBytes >= DISK_FREE_MIN_BYTES) return { name: 'disk', ok: true, found };
  return {
    name: 'disk',
    ok: false,
    found,
    remedy: 'free at least 1 GB (npm start -- --reset drops the local database), or clone onto a larger disk',
  };
}

/** Whether nobody else listens on the ports we are going to use, or our own stack does when it runs. */
export async function checkPorts(
  uses: readonly PortUse[],
  { isRunning = false }: { isRunning?: boolean } = {},
): Promise<Check[]> {
  return Promise.all(
    uses.map(async ({ name, port, variable }): Promise<Check> => {
      if (isRunning) return { name: `port ${port}`, ok: true, found: `${name}, of the running local stack` };
      if (await isPortFree(port)) return { name: `port ${port}`, ok: true, found: `free for ${name}` };
      return {
        name: `port ${port}`,
        ok: false,
        found: `taken by another process, but ${name} needs it`,
        remedy: `end what listens there (who is it: lsof -i :${port}, or ss -ltnp), or choose another: ${variable}=${port + 1000} npm start`,
      };
    }),
  );
}

function freeBytesOf(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
