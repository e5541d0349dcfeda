#!/usr/bin/env node
// Starts the command line on the Node this repository pins, whatever Node npx was called with: older ones cannot run
// TypeScript as it is. Plain JavaScript, so that it works on any Node from 20 on.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const pinned = resolve(here, '../../../node_modules/node/bin/node');
if (!existsSync(pinned)) {
  console.error(
    'The Node this needs is not installed. Run npm ci in the root of the repository, then try again.',
  );
  process.exit(1);
}
const ended = spawnSync(
  pinned,
  [
    '--enable-source-maps',
    fileURLToPath(new URL('../src/main.ts', import.meta.url)),
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
if (ended.error) console.error(`The command could not be started: ${ended.error.message}`);
process.exit(ended.status ?? 128 + (constants.signals[ended.signal ?? 'SIGTERM'] ?? 15));
