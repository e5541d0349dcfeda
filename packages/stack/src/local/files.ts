import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { localDir } from '../paths.ts';

/** Where the local stack keeps what it makes. */
export const localFiles = {
  lock: join(localDir, 'stack.lock'),
  children: join(localDir, 'children.json'),
  secrets: join(localDir, 'secrets.json'),
  demo: join(localDir, 'demo.json'),
  stack: join(localDir, 'stack.json'),
  logs: join(localDir, 'logs'),
  nats: join(localDir, 'nats'),
  storage: join(localDir, 'storage'),
} as const;

/** Writes JSON for our eyes only, in one step: a reader never sees half of it. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(beside, path);
}

/** What `writePrivateJson` wrote; undefined when there is nothing or it is damaged. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
