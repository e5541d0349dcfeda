#!/usr/bin/env node
// Starts the command line on the Node this repository pins, whatever Node npx was called with: older ones cannot run
// TypeScript as it is. Plain JavaScript, so that it works on any Node from 20 on.
import { spawn } from 'node:child_process';
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
const command = spawn(
  pinned,
  [
    '--enable-source-maps',
    fileURLToPath(new URL('../src/main.ts', import.meta.url)),
    ...process.argv.slice(2),
  ],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_COMPILE_CACHE:
        process.env.NODE_COMPILE_CACHE ?? resolve(here, '../../../node_modules/.cache/node-compile'),
    },
  },
);
// Whoever ends this one means the command: it must not go on by itself, waiting for a sign-in.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => command.kill(signal));
command.on('error', (error) => {
  console.error(`The command could not be started: ${error.message}`);
  process.exit(1);
});
command.on('exit', (code, signal) =>
  process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 15)),
);
