import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stackEnvironment } from './config.ts';

/** The checkout this file belongs to. */
export const repositoryDir = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Everything the local stack makes lives here; git ignores it. */
export const localDir = stackEnvironment().localDir ?? join(repositoryDir, '.local');

/** A path as people in the checkout write it: `.local/…`; whole when it lies elsewhere. */
export function fromHere(path: string): string {
  const short = relative(repositoryDir, path);
  return short.startsWith('..') || isAbsolute(short) ? path : short;
}

/**
 * The Node the workspace pins. The real binary, not the npm shim, so that a signal reaches one process.
 * Falls back to the Node that runs us, which `scripts/run.mjs` made sure is the pinned one.
 */
export function pinnedNode(): string {
  const pinned = join(repositoryDir, 'node_modules/node/bin/node');
  return existsSync(pinned) ? pinned : process.execPath;
}

/** The entry of a service: `apps/<name>/src/main.ts`. */
export function serviceEntry(name: string): string {
  return join(repositoryDir, 'apps', name, 'src/main.ts');
}
